// SPDX-License-Identifier: MIT
//
// The machine: what it is made of and how busy it is. These functions answer at once, or after
// reading a small file of the system's; they may be called anywhere and on any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include <coloop/address.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop::os {

/// One processor, as the system counts them.
struct Cpu {
    std::string model;
    unsigned megahertz = 0;            ///< 0 if the system does not say
    std::chrono::milliseconds user{};  ///< what it has spent its time on since the start
    std::chrono::milliseconds nice{};
    std::chrono::milliseconds system{};
    std::chrono::milliseconds idle{};
    std::chrono::milliseconds interrupts{};
};

/// All processors. Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT std::vector<Cpu> cpus();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<Cpu>> cpus(std::nothrow_t tag) noexcept;

/// How many threads this process can have running at the same time; at least 1. A good number of
/// loops for a server.
[[nodiscard]] COLOOP_EXPORT unsigned available_parallelism() noexcept;

/// In bytes.
struct Memory {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
    std::uint64_t limit = 0;  ///< of this process, as containers have; 0 if there is none known
};

[[nodiscard]] COLOOP_EXPORT Memory memory() noexcept;

/// For how long the system has been running. Throws Error if it does not tell.
[[nodiscard]] COLOOP_EXPORT std::chrono::duration<double> uptime();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::chrono::duration<double>> uptime(std::nothrow_t tag) noexcept;

/// How many threads wanted to run in the last 1, 5 and 15 minutes; zeroes on Windows.
[[nodiscard]] COLOOP_EXPORT std::array<double, 3> load_average() noexcept;

/// One address of one network interface that is up.
struct NetworkInterface {
    std::string name;
    Address address;  ///< with port 0
    Address netmask;
    std::array<std::uint8_t, 6> hardware_address{};
    bool internal = false;  ///< leads nowhere else: loopback
};

/// All addresses of this machine. Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT std::vector<NetworkInterface> network_interfaces();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<NetworkInterface>> network_interfaces(std::nothrow_t tag) noexcept;

/// The name of this machine, as it calls itself. Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT std::string hostname();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> hostname(std::nothrow_t tag) noexcept;

/// "Linux", "6.1.0-44-amd64", "#1 SMP ...", "x86_64".
struct SystemName {
    std::string system;
    std::string release;
    std::string version;
    std::string machine;
};

/// What system this is. Throws Error if it does not tell.
[[nodiscard]] COLOOP_EXPORT SystemName system_name();

/// The same; returns the Error.
COLOOP_EXPORT Result<SystemName> system_name(std::nothrow_t tag) noexcept;

}  // namespace coloop::os
