// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>

namespace coloop {

/// Lets the others run and the loop poll, `turns` times.
inline void let_others_run(int turns = 3) {
    for (int i = 0; i < turns; ++i) {
        co_sleep_ns(0);
    }
}

/// A coroutine that does one thing, which may be cancelled; its outcome is there to be asked.
class Bystander {
public:
    /// Starts it, and lets the loop turn so often that it waits.
    explicit Bystander(std::function<void()> body, int turns = 3) : body_(std::move(body)) {
        group_.spawn([this] { main(); });
        let_others_run(turns);
    }

    void cancel() {
        REQUIRE(scope_ != nullptr);
        scope_->cancel();
    }

    [[nodiscard]] bool ended() const { return ended_; }

    /// Waits for it: "" if all went well, "cancelled", or what the Error says.
    std::string outcome() {
        group_.wait();
        return outcome_;
    }

private:
    void main() {
        CancelScope scope;
        scope_ = &scope;
        try {
            if (!scope.run(body_)) {
                outcome_ = "cancelled";
            }
        } catch (const Error& error) {
            outcome_ = error.what();
        }
        ended_ = true;
        scope_ = nullptr;
    }

    std::function<void()> body_;
    CancelScope* scope_ = nullptr;
    std::string outcome_;
    bool ended_ = false;
    TaskGroup group_;
};

}  // namespace coloop
