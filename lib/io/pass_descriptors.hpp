// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <coloop/descriptor.hpp>
#include <coloop/pipe.hpp>

namespace coloop {

/// Sends some of `bytes`, and the descriptors with the first. Returns how many were taken or a
/// libuv code.
std::ptrdiff_t send_with_descriptors(int socket, std::span<const std::byte> bytes,
                                     std::span<const Descriptor> descriptors) noexcept;

/// Receives some bytes and what came along. Returns zero or a libuv code.
int receive_with_descriptors(int socket, std::span<std::byte> buffer,
                             ReceivedDescriptors& received) noexcept;

}  // namespace coloop
