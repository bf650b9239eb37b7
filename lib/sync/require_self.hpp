// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <coloop/coroutine.hpp>

#include "base/misuse.hpp"

namespace coloop {

/// The calling coroutine; misuse outside one. `lock` is "a mutex" or the like.
inline Coroutine& require_self(const char* operation, const char* lock) {
    Coroutine* self = Coroutine::self();
    if (self == nullptr) [[unlikely]] {
        misuse(std::string(operation) + ' ' + lock +
               ": called outside a coroutine; it belongs to the coroutine that locks it");
    }
    return *self;
}

}  // namespace coloop
