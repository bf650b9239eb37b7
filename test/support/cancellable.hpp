// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>

namespace coloop {

/// A coroutine in a cancel scope of its own, which runs from its construction on.
class Cancellable {
public:
    explicit Cancellable(std::function<void()> body, std::string_view name = {})
        : body_(std::move(body)), coroutine_([this] { main(); }, {.name = name}) {
        coroutine_.enter();
    }

    void enter() { coroutine_.enter(); }

    /// Calls off what it does; it learns of that when it runs next.
    void cancel() noexcept {
        if (scope_ != nullptr) {
            scope_->cancel();
        }
    }

    [[nodiscard]] bool done() const noexcept { return coroutine_.done(); }

    /// True if it has ended because it was cancelled.
    [[nodiscard]] bool cut_short() const noexcept { return cut_short_; }

private:
    void main() {
        CancelScope scope;
        scope_ = &scope;
        cut_short_ = !scope.run(body_);
        scope_ = nullptr;
    }

    std::function<void()> body_;
    CancelScope* scope_ = nullptr;
    bool cut_short_ = false;
    Coroutine coroutine_;
};

}  // namespace coloop
