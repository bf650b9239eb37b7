// SPDX-License-Identifier: MIT
#pragma once

#include <new>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Waits until reading from a descriptor would not block: there are bytes, or the end, or an error
/// that reading will tell. For descriptors that belong to something else than coloop (a library's
/// connection, a timer or event of the system); a regular file, which is always ready, and one that
/// libuv watches already, such as a TcpStream's, are refused with an Error.
///
/// The descriptor becomes non-blocking, as libuv wants it. It is not touched after the call has
/// returned, in whatever way. Several coroutines may wait for the same one, all are woken, and
/// others may wait to write at the same time. It must not be closed while somebody waits, unless
/// notify_closing() is called first: the system would say nothing.
///
/// Must be called in a coroutine. Throws Error if it is no descriptor that can be waited for, or
/// another coroutine has called notify_closing() meanwhile, and Cancelled if the coroutine is
/// cancelled before or while it waits.
COLOOP_EXPORT void wait_readable(NativeDescriptor descriptor);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> wait_readable(NativeDescriptor descriptor, std::nothrow_t tag) noexcept;

/// The same for writing: there is room, or nobody who reads any more, or an error.
COLOOP_EXPORT void wait_writable(NativeDescriptor descriptor);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> wait_writable(NativeDescriptor descriptor, std::nothrow_t tag) noexcept;

/// Wakes all on this thread who wait for the descriptor, with an Error (closed); it may be closed
/// at once then. Does nothing if nobody waits.
COLOOP_EXPORT void notify_closing(NativeDescriptor descriptor) noexcept;

}  // namespace coloop
