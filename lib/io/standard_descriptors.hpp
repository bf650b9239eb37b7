// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <coloop/descriptor.hpp>

namespace coloop {

/// Whether standard input (0), output (1) or error (2) led anywhere when the process began; later
/// the number may be that of something else.
bool was_open_at_start(int number) noexcept;

bool is_socket(NativeDescriptor native) noexcept;

/// A descriptor that can be read when `socket` can be read, or written; watching it leaves the
/// socket in its mode. Negative: a libuv code.
int watchable(NativeDescriptor socket, bool for_writing) noexcept;

/// Without waiting, whatever the socket's mode; a count or a libuv code.
std::ptrdiff_t receive_now(NativeDescriptor socket, std::span<std::byte> buffer) noexcept;
std::ptrdiff_t send_now(NativeDescriptor socket, std::span<const std::byte> bytes) noexcept;

/// Ends sending; zero or a libuv code.
int end_sending(NativeDescriptor socket) noexcept;

}  // namespace coloop
