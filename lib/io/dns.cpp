// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include <uv.h>

#include <coloop/blocking.hpp>
#include <coloop/dns.hpp>
#include <coloop/uv_error.hpp>

#include "io/pool_size.hpp"
#include "io/request.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

constexpr std::size_t longest_name = 253;  // RFC 1035, 2.3.4

/// Waits for what a lookup needs: not too many at once, and not too many that block a thread, so
/// that lookups and functions together leave one for files. False if the coroutine is cancelled.
bool acquire_permits() noexcept {
    std::size_t taken = 0;
    try {
        lookup_permits().acquire();
        taken = 1;
        blocking_permits().acquire();
        return true;
    } catch (const Cancelled&) {
        lookup_permits().release(taken);
        return false;
    }
}

void release_permits() noexcept {
    blocking_permits().release();
    lookup_permits().release();
}

/// A question to the system. Holds its permits until libuv is done with it.
template <typename UvRequest>
class Lookup : public PoolRequest {
public:
    [[nodiscard]] int status() const noexcept { return status_; }

protected:
    Lookup(LoopState& state, const char* operation)
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&uv_), {operation}) {
        uv_.data = this;
    }

    ~Lookup() override { release_permits(); }

    void finished_with(int status) noexcept {
        status_ = status;
        finished();
    }

    [[nodiscard]] UvRequest* request() noexcept { return &uv_; }

private:
    UvRequest uv_;
    int status_ = 0;
};

/// Asks for the addresses of a name.
class NameLookup final : public Lookup<uv_getaddrinfo_t> {
public:
    explicit NameLookup(LoopState& state) : Lookup(state, "resolve a name") {}

    int start(const std::string& host, const ResolveOptions& options) noexcept {
        addrinfo hints{};
        hints.ai_socktype = options.datagrams ? SOCK_DGRAM : SOCK_STREAM;  // or all come twice
        hints.ai_family = options.family == AddressFamily::any    ? AF_UNSPEC
                          : options.family == AddressFamily::ipv4 ? AF_INET
                                                                  : AF_INET6;
        const std::string service(options.service);
        return started(uv_getaddrinfo(
            state().uv(), request(),
            [](uv_getaddrinfo_t* uv, int status, addrinfo* found) {
                auto* lookup = static_cast<NameLookup*>(uv->data);
                lookup->found_.reset(found);
                lookup->finished_with(status);
            },
            host.c_str(), service.empty() ? nullptr : service.c_str(), &hints));
    }

    [[nodiscard]] std::vector<Address> result() const {
        std::vector<Address> addresses;
        for (const addrinfo* next = found_.get(); next != nullptr; next = next->ai_next) {
            addresses.push_back(Address::from_native(next->ai_addr));
        }
        return addresses;
    }

private:
    struct Free {
        void operator()(addrinfo* list) const noexcept { uv_freeaddrinfo(list); }
    };

    std::unique_ptr<addrinfo, Free> found_;
};

/// Asks for the name of an address.
class AddressLookup final : public Lookup<uv_getnameinfo_t> {
public:
    explicit AddressLookup(LoopState& state) : Lookup(state, "look up an address") {}

    int start(const Address& address, const ReverseOptions& options) noexcept {
        const int flags = (options.name_required ? NI_NAMEREQD : 0) |
                          (options.numeric_host ? NI_NUMERICHOST : 0) |
                          (options.numeric_service ? NI_NUMERICSERV : 0) |
                          (options.datagrams ? NI_DGRAM : 0);
        return started(uv_getnameinfo(
            state().uv(), request(),
            [](uv_getnameinfo_t* uv, int status, const char* host, const char* service) {
                auto* lookup = static_cast<AddressLookup*>(uv->data);
                if (status == 0) {
                    lookup->result_ = {host, service};
                }
                lookup->finished_with(status);
            },
            address.native(), flags));
    }

    [[nodiscard]] HostAndService result() const { return result_; }

private:
    HostAndService result_;
};

/// Asks the system by means of a `Request` that is started with `arguments`.
template <typename Request, typename... Arguments>
auto ask(LoopState& state, const char* operation, std::string_view object,
         const Arguments&... arguments) noexcept
    -> Result<decltype(std::declval<Request>().result())> {
    if (!acquire_permits()) {
        return Error(Errc::cancelled, operation, object);
    }
    const RequestPtr<Request> request(new (std::nothrow) Request(state));
    if (request == nullptr) {
        release_permits();
        return Error(uv_code(UV_ENOMEM), operation, object);
    }
    if (const int status = request->start(arguments...)) {
        return Error(uv_code(status), operation, object);
    }
    if (!request->wait(PoolRequest::Kind::orphanable)) {
        return Error(Errc::cancelled, operation, object);
    }
    if (request->status() != 0) {
        return Error(uv_code(request->status()), operation, object);
    }
    return request->result();
}

/// True for a number, also one that no port can have, of which the system would take the low bits.
bool is_number(std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The port of a service that is a number or nothing.
std::optional<std::uint16_t> numeric_port(std::string_view service) {
    std::uint16_t port = 0;
    const char* end = service.data() + service.size();
    const auto parsed = std::from_chars(service.data(), end, port);
    if (service.empty() || (parsed.ec == std::errc() && parsed.ptr == end)) {
        return port;
    }
    return std::nullopt;
}

bool matches(const Address& address, AddressFamily family) {
    return family == AddressFamily::any || address.is_ipv6() == (family == AddressFamily::ipv6);
}

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

CoSemaphore& lookup_permits() noexcept {
    thread_local CoSemaphore permits(std::max<std::size_t>(pool_size() / 2, 1));
    return permits;
}

std::vector<Address> resolve(std::string_view host) { return resolve(host, std::nothrow).value(); }

Result<std::vector<Address>> resolve(std::string_view host, std::nothrow_t tag) noexcept {
    return resolve(host, ResolveOptions{}, tag);
}

std::vector<Address> resolve(std::string_view host, const ResolveOptions& options) {
    return resolve(host, options, std::nothrow).value();
}

Result<std::vector<Address>> resolve(std::string_view host, const ResolveOptions& options,
                                     std::nothrow_t tag) noexcept {
    LoopState& state = LoopState::current("resolve a name");
    std::string object(host);
    if (!options.service.empty()) {
        object += ':';
        object += options.service;
    }
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "resolve", object);
    }
    const std::optional<std::uint16_t> port = numeric_port(options.service);
    if (port) {
        if (const Result<Address> address = Address::parse(host, *port, tag)) {
            if (!matches(*address, options.family)) {
                return Error(uv_code(UV_EAI_ADDRFAMILY), "resolve", object);
            }
            return std::vector{*address};
        }
    }
    if (host.empty() || host.size() > longest_name || has_zero(host)) {
        return Error(uv_code(UV_EAI_NONAME), "resolve", object);
    }
    if (has_zero(options.service) || (!port && is_number(options.service))) {
        return Error(uv_code(UV_EAI_SERVICE), "resolve", object);
    }
    return ask<NameLookup>(state, "resolve", object, std::string(host), options);
}

HostAndService reverse_lookup(const Address& address, const ReverseOptions& options) {
    return reverse_lookup(address, options, std::nothrow).value();
}

Result<HostAndService> reverse_lookup(const Address& address, const ReverseOptions& options,
                                      std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("look up an address");
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "look up", address.to_string());
    }
    if (options.numeric_host && options.numeric_service && !options.name_required) {
        return HostAndService{address.host(), std::to_string(address.port())};
    }
    return ask<AddressLookup>(state, "look up", address.to_string(), address, options);
}

}  // namespace coloop
