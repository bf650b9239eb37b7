// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// What completions have in common, whatever they carry.
class COLOOP_EXPORT CompletionState {
public:
    CompletionState(const CompletionState&) = delete;
    CompletionState& operator=(const CompletionState&) = delete;

    /// True if set() was called.
    [[nodiscard]] bool is_set() const noexcept { return set_; }

protected:
    friend struct SelectAccess;

    CompletionState() = default;

    ~CompletionState() { waiters_.require_unused("a Completion"); }

    void require_unset() const noexcept {
        if (set_) [[unlikely]] {
            refuse_to_set();
        }
    }

    /// Misuse if somebody waits or has waited.
    void require_no_waiter() const noexcept {
        if (awaited_ || !waiters_.empty()) [[unlikely]] {
            refuse_to_wait();
        }
    }

    void deliver() noexcept {
        set_ = true;
        waiters_.wake_one();
    }

    template <typename Cancel>
    void await(Cancel& cancel) {
        require_no_waiter();
        awaited_ = true;
        if (!set_ && !waiters_.wait(std::nothrow) && !set_) {
            const CancelScope shield(CancelScope::Kind::shield);
            cancel();
            while (!set_) {
                waiters_.wait();
            }
        }
    }

private:
    [[noreturn]] static void refuse_to_set() noexcept;
    [[noreturn]] void refuse_to_wait() const noexcept;

    CoQueue waiters_{"wait for a completion"};
    bool set_ = false;
    bool awaited_ = false;
};

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
/// called, not even when cancelled. A Completion is for one value and one waiter; Completion<void>
/// says only that something is done.
template <typename T>
class Completion : public CompletionState {
public:
    Completion() = default;

    /// Delivers the value; a second time is misuse. May be called before wait(), and outside
    /// coroutines. From another thread go through Loop::post().
    void set(T value) {
        require_unset();
        value_.emplace(std::move(value));
        deliver();
    }

    /// Waits for the value and takes it; a second time, or while another coroutine waits, is
    /// misuse. Must be called in a coroutine. A cancelled coroutine waits on, gets the value, and
    /// is told of its cancellation by its next wait.
    T wait() {
        return wait([] {});
    }

    /// The same; if the coroutine is cancelled before or while it waits, calls `cancel()` once,
    /// which asks the source to hurry, and waits on for the value. Not if the source has called
    /// set(): it may be gone by then. `cancel()` is shielded, and must not throw.
    template <typename Cancel>
    T wait(Cancel cancel) {
        await(cancel);
        return *std::move(value_);
    }

private:
    std::optional<T> value_;
};

template <>
class Completion<void> : public CompletionState {
public:
    Completion() = default;

    void set() noexcept {
        require_unset();
        deliver();
    }

    void wait() {
        wait([] {});
    }

    template <typename Cancel>
    void wait(Cancel cancel) {
        await(cancel);
    }
};

}  // namespace coloop
