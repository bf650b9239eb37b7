// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/coroutine.hpp>
#include <coloop/qemu/types.h>

#include "c_api/record.hpp"

namespace coloop::qemu {

using c_api::Record;
using c_api::record_of;

/// What a pointer of C means; misuse, naming what cannot be done, if it is no coroutine.
Coroutine& coroutine_of(::Coroutine* coroutine, const char* operation) noexcept;

inline ::Coroutine* handle_of(Coroutine& coroutine) noexcept {
    return reinterpret_cast<::Coroutine*>(&coroutine);
}

/// The running coroutine, for locks, which belong to the one that locks them; misuse outside.
Coroutine& require_self(const char* operation) noexcept;

/// Switches to a coroutine and then, one after the other, to those that are woken meanwhile and
/// are to run before this returns.
void enter_now(Coroutine& coroutine);

/// Runs a coroutine that can be entered when the running one stops; at once outside coroutines.
void enter_after_current(Coroutine& coroutine);

}  // namespace coloop::qemu
