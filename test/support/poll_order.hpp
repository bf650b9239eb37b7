// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/loop.hpp>

#include "support/bystander.hpp"

namespace coloop {

/// Calls a function from a libuv callback, in the same polling of the loop as other events and in
/// the order in which they were triggered: for two things that happen at once.
class CallInPoll {
public:
    explicit CallInPoll(std::function<void()> function)
        : poll_(new Poll{{}, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), std::move(function)}) {
        REQUIRE(uv_poll_init(Loop::current_uv(), &poll_->handle, poll_->descriptor) == 0);
        poll_->handle.data = poll_;
        uv_poll_start(&poll_->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
            auto* poll = static_cast<Poll*>(handle->data);
            uv_poll_stop(handle);
            poll->function();
        });
        let_others_run();  // or the system would not know of it before it is triggered
    }

    CallInPoll(const CallInPoll&) = delete;
    CallInPoll& operator=(const CallInPoll&) = delete;

    ~CallInPoll() {
        uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle), [](uv_handle_t* handle) {
            auto* poll = static_cast<Poll*>(handle->data);
            ::close(poll->descriptor);
            delete poll;
        });
    }

    void trigger() const { eventfd_write(poll_->descriptor, 1); }

private:
    struct Poll {
        uv_poll_t handle;
        int descriptor;
        std::function<void()> function;
    };

    Poll* poll_;
};

}  // namespace coloop
