// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace coloop::detail {

/// A call on its way to a loop, perhaps from another thread: a link in the loop's mailbox.
class Posted {
public:
    Posted(const Posted&) = delete;
    Posted& operator=(const Posted&) = delete;

protected:
    /// `run` is called once on the loop's stack, and may destroy the call.
    explicit Posted(void (*run)(Posted& self) noexcept) noexcept : run_(run) {}

    ~Posted() = default;

private:
    friend class Mailbox;

    void (*run_)(Posted& self) noexcept;
    Posted* next_ = nullptr;
};

/// A function that was posted; destroys itself after its call.
template <typename Function>
class PostedFunction final : public Posted {
public:
    explicit PostedFunction(Function function)
        : Posted([](Posted& self) noexcept {
              auto* posted = static_cast<PostedFunction*>(&self);
              posted->function_();
              delete posted;
          }),
          function_(std::move(function)) {}

private:
    Function function_;
};

}  // namespace coloop::detail
