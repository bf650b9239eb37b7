// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include <coloop/co_queue.hpp>

namespace coloop {

/// One value on its way from a callback to the coroutine that waits for it: this turns any callback
/// API of the loop's thread into a call that blocks.
///
///     coloop::Completion<int> answer;
///     legacy_query(&query, [](void* data, int value) {
///         static_cast<coloop::Completion<int>*>(data)->set(value);
///     }, &answer);
///     return answer.wait();
///
/// The callback holds a pointer to the Completion, so wait() does not return before set() was
/// called, not even when cancelled.
template <typename T>
class Completion {
public:
    Completion() = default;

    /// Delivers the value; once. May be called before wait(), and outside coroutines. From another
    /// thread go through Loop::post().
    void set(T value) {
        value_.emplace(std::move(value));
        waiter_.wake_one();
    }

    /// True if set() was called.
    [[nodiscard]] bool is_set() const noexcept { return value_.has_value(); }

    /// Waits for the value and takes it. Must be called in a coroutine. A cancelled coroutine waits
    /// on, gets the value, and is told of its cancellation by its next wait.
    T wait() {
        return wait([] {});
    }

    /// The same; if the coroutine is cancelled before or while it waits, calls `cancel()` once,
    /// which asks the source to hurry, and waits on for the value. Not if the source has called
    /// set(): it may be gone by then. `cancel()` is shielded, and must not throw.
    template <typename Cancel>
    T wait(Cancel cancel) {
        if (!is_set() && !waiter_.wait(std::nothrow) && !is_set()) {
            const CancelScope shield(CancelScope::Kind::shield);
            cancel();
            while (!is_set()) {
                waiter_.wait();
            }
        }
        return *std::move(value_);
    }

private:
    std::optional<T> value_;
    CoQueue waiter_{"wait for a completion"};
};

}  // namespace coloop
