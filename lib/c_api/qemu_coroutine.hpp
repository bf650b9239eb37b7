// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/qemu/types.h>

namespace coloop::qemu {

/// What this layer keeps for a coroutine, as its companion.
struct Record {
    void* opaque = nullptr;
    bool scheduled = false;        // by aio_co_schedule(); other threads look, too
    CancelScope* sleep = nullptr;  // of the sleep that it is in
    bool enter_ends_the_sleep = false;
};

/// The record of a coroutine; null if C++ made it and it does not sleep.
Record* record_of(Coroutine& coroutine) noexcept;

/// What a pointer of C means; misuse, naming what cannot be done, if it is no coroutine.
Coroutine& coroutine_of(::Coroutine* coroutine, const char* operation) noexcept;

inline ::Coroutine* handle_of(Coroutine& coroutine) noexcept {
    return reinterpret_cast<::Coroutine*>(&coroutine);
}

/// Switches to a coroutine and then, one after the other, to those that are woken meanwhile and
/// are to run before this returns.
void enter_now(Coroutine& coroutine);

/// Runs a coroutine that can be entered when the running one stops; at once outside coroutines.
void enter_after_current(Coroutine& coroutine);

}  // namespace coloop::qemu
