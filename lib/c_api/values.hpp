// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>

#include <coloop/address.hpp>
#include <coloop/coloop.h>
#include <coloop/result.hpp>

#include "c_api/guarded.hpp"

namespace coloop::c_api {

inline std::span<std::byte> bytes_at(void* buffer, std::size_t size) noexcept {
    return {static_cast<std::byte*>(buffer), size};
}

inline std::span<const std::byte> bytes_at(const void* bytes, std::size_t size) noexcept {
    return {static_cast<const std::byte*>(bytes), size};
}

/// How many, or the code of the error.
inline std::int64_t count_of(const Result<std::size_t>& result) noexcept {
    return result ? static_cast<std::int64_t>(*result) : fail(result.error());
}

inline Result<Address> address_of(const coloop_address& address) noexcept {
    return Address::parse(address.host, address.port, std::nothrow);
}

inline void store(const Address& address, coloop_address& place) {
    const std::string host = address.host();
    const std::size_t size = std::min(host.size(), sizeof place.host - 1);
    std::memcpy(place.host, host.data(), size);
    place.host[size] = '\0';
    place.port = address.port();
}

}  // namespace coloop::c_api
