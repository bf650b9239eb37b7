// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>

#include <uv.h>

#include <coloop/os.hpp>
#include <coloop/uv_error.hpp>

namespace coloop::os {

std::vector<Cpu> cpus() { return cpus(std::nothrow).value(); }

Result<std::vector<Cpu>> cpus(std::nothrow_t /*tag*/) noexcept {
    uv_cpu_info_t* list = nullptr;
    int count = 0;
    if (const int status = uv_cpu_info(&list, &count)) {
        return Error(uv_code(status), "list the processors");
    }
    const auto time = [](std::uint64_t value) {
        return std::chrono::milliseconds(static_cast<std::int64_t>(value));
    };
    std::vector<Cpu> found;
    std::for_each(list, list + count, [&](const uv_cpu_info_t& cpu) {
        found.push_back({cpu.model, static_cast<unsigned>(std::max(cpu.speed, 0)),
                         time(cpu.cpu_times.user), time(cpu.cpu_times.nice),
                         time(cpu.cpu_times.sys), time(cpu.cpu_times.idle),
                         time(cpu.cpu_times.irq)});
    });
    uv_free_cpu_info(list, count);
    return found;
}

unsigned available_parallelism() noexcept { return uv_available_parallelism(); }

Memory memory() noexcept {
    return {uv_get_total_memory(), uv_get_free_memory(), uv_get_constrained_memory()};
}

std::chrono::duration<double> uptime() { return uptime(std::nothrow).value(); }

Result<std::chrono::duration<double>> uptime(std::nothrow_t /*tag*/) noexcept {
    double seconds = 0;
    if (const int status = uv_uptime(&seconds)) {
        return Error(uv_code(status), "get the uptime");
    }
    return std::chrono::duration<double>(seconds);
}

std::array<double, 3> load_average() noexcept {
    std::array<double, 3> load{};
    uv_loadavg(load.data());
    return load;
}

std::vector<NetworkInterface> network_interfaces() {
    return network_interfaces(std::nothrow).value();
}

Result<std::vector<NetworkInterface>> network_interfaces(std::nothrow_t /*tag*/) noexcept {
    uv_interface_address_t* list = nullptr;
    int count = 0;
    if (const int status = uv_interface_addresses(&list, &count)) {
        return Error(uv_code(status), "list the network interfaces");
    }
    std::vector<NetworkInterface> found;
    std::for_each(list, list + count, [&](const uv_interface_address_t& next) {
        NetworkInterface& interface = found.emplace_back();
        interface.name = next.name;
        interface.address =
            Address::from_native(reinterpret_cast<const sockaddr*>(&next.address.address4));
        interface.netmask =
            Address::from_native(reinterpret_cast<const sockaddr*>(&next.netmask.netmask4));
        std::copy_n(reinterpret_cast<const std::uint8_t*>(next.phys_addr),
                    interface.hardware_address.size(), interface.hardware_address.begin());
        interface.internal = next.is_internal != 0;
    });
    uv_free_interface_addresses(list, count);
    return found;
}

std::string hostname() { return hostname(std::nothrow).value(); }

Result<std::string> hostname(std::nothrow_t /*tag*/) noexcept {
    char text[UV_MAXHOSTNAMESIZE];
    std::size_t size = sizeof text;
    if (const int status = uv_os_gethostname(text, &size)) {
        return Error(uv_code(status), "get the hostname");
    }
    return std::string(text, size);
}

SystemName system_name() { return system_name(std::nothrow).value(); }

Result<SystemName> system_name(std::nothrow_t /*tag*/) noexcept {
    uv_utsname_t name;
    if (const int status = uv_os_uname(&name)) {
        return Error(uv_code(status), "get the name of the system");
    }
    return SystemName{name.sysname, name.release, name.version, name.machine};
}

}  // namespace coloop::os
