// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>

#include "coroutine/access.hpp"

namespace coloop::c_api {

/// What this layer keeps for a coroutine, as its companion.
struct Record {
    void* opaque = nullptr;        // of those that QEMU's names make
    bool scheduled = false;        // by aio_co_schedule(); other threads look, too
    CancelScope* sleep = nullptr;  // of the sleep that it is in
    bool enter_ends_the_sleep = false;
    std::string message;  // what the last failure was
};

/// The record of a coroutine; null if C++ made it.
inline Record* record_of(Coroutine& coroutine) noexcept {
    return static_cast<Record*>(CoroutineAccess::companion(coroutine));
}

/// Gives the running coroutine a record for the time being, if it has none.
class RecordHere {
public:
    RecordHere() : companion_(CoroutineAccess::companion(*Coroutine::self())) {
        if (companion_ == nullptr) {
            companion_ = &own_;
        }
    }

    RecordHere(const RecordHere&) = delete;
    RecordHere& operator=(const RecordHere&) = delete;

    ~RecordHere() {
        if (companion_ == &own_) {
            companion_ = nullptr;
        }
    }

    [[nodiscard]] Record& operator*() const noexcept { return *static_cast<Record*>(companion_); }

private:
    void*& companion_;
    Record own_;
};

}  // namespace coloop::c_api
