// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/address.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// The addresses of `host`, with port 0, in the order in which they should be tried; at least one.
/// A numeric host is its own address and asks nobody; names are looked up as the system does it, on
/// libuv's thread pool.
///
/// Must be called in a coroutine. Throws Error if there is no such host or nobody to ask, and
/// Cancelled if the coroutine is cancelled before or meanwhile; it does not wait for the lookup
/// then.
[[nodiscard]] COLOOP_EXPORT std::vector<Address> resolve(std::string_view host);

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<Address>> resolve(std::string_view host,
                                                   std::nothrow_t tag) noexcept;

/// Which addresses are wanted.
enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };

struct ResolveOptions {
    AddressFamily family = AddressFamily::any;

    /// The port of the addresses, by number or name: "443", "https". Empty for port 0.
    std::string_view service = {};

    /// Whether the name of a service means that of UDP, not TCP.
    bool datagrams = false;
};

/// The same with a choice of addresses, and with ports. Throws Error, too, if the host has no
/// address of the family, or there is no such service. A numeric host and service ask nobody.
[[nodiscard]] COLOOP_EXPORT std::vector<Address> resolve(std::string_view host,
                                                         const ResolveOptions& options);

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<Address>> resolve(std::string_view host,
                                                   const ResolveOptions& options,
                                                   std::nothrow_t tag) noexcept;

struct HostAndService {
    std::string host;
    std::string service;
};

struct ReverseOptions {
    /// Whether an address without a name is an Error; it is returned in figures otherwise.
    bool name_required = false;

    /// Do not ask for a name: give the address in figures.
    bool numeric_host = false;

    /// The same for the port.
    bool numeric_service = false;

    /// Whether the name of the service is that of UDP, not TCP.
    bool datagrams = false;
};

/// The names of the host and the service at `address`, as the system knows them. Must be called in
/// a coroutine. Throws Error if there is nobody to ask, or no name if one is required, and
/// Cancelled as resolve() does.
[[nodiscard]] COLOOP_EXPORT HostAndService reverse_lookup(const Address& address,
                                                          const ReverseOptions& options = {});

/// The same; returns the Error.
COLOOP_EXPORT Result<HostAndService> reverse_lookup(const Address& address,
                                                    const ReverseOptions& options,
                                                    std::nothrow_t tag) noexcept;

/// What each lookup on this thread takes one of, and one of blocking_permits(), until the system is
/// done with it, also if nobody waits for it any more; further ones wait. At first there are half
/// as many as the pool has threads (UV_THREADPOOL_SIZE), but at least one, so that files have some
/// left however slow name servers are. Release some to have more, acquire some to have less.
[[nodiscard]] COLOOP_EXPORT CoSemaphore& lookup_permits() noexcept;

}  // namespace coloop
