// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/intrusive_list.hpp>

namespace coloop {

class Wait;

/// Something that can say what it is: "127.0.0.1:7000", "/etc/hosts".
class COLOOP_EXPORT Describable {
public:
    [[nodiscard]] virtual std::string describe() const = 0;

protected:
    ~Describable() = default;
};

/// What a coroutine waits for, in words: "read" and the stream, "lock a mutex".
struct WaitReason {
    const char* operation;
    const Describable* object = nullptr;
};

/// One waiter's place in a CoQueue.
class WaitNode : public ListLink {
public:
    explicit WaitNode(const WaitReason& why, std::uintptr_t what = 0) : reason(&why), tag(what) {}

    Wait* wait = nullptr;
    const WaitReason* reason;
    std::uintptr_t tag;  // what the queue's owner wants to know of a waiter before it wakes it
};

/// One suspension of the calling coroutine: the record that whoever ends the wait settles, once.
///
/// A wake, a cancellation and a deadline may all come before the coroutine runs again; the first
/// settles the wait and takes the coroutine out of every queue it is in, so nobody else finds it
/// there. It lives in the frame of the function that waits. Users wait in a CoQueue instead.
class COLOOP_EXPORT Wait {
public:
    enum class Outcome : std::uint8_t { pending, woken, cancelled };

    /// For a wait in the queues that `nodes` are linked into.
    Wait(WaitNode* nodes, std::size_t count) noexcept
        : coroutine_(Coroutine::self()), nodes_(nodes), count_(count) {
        for (std::size_t i = 0; i < count; ++i) {
            nodes[i].wait = this;
        }
    }

    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    /// Misuse outside a coroutine.
    static void require_coroutine(const WaitReason& reason) noexcept {
        if (!in_coroutine()) [[unlikely]] {
            refuse(reason);
        }
    }

    /// True if a cancellable wait that began now would end at once.
    [[nodiscard]] static bool already_cancelled() noexcept {
        const CancelScope* scope = Coroutine::self()->scope_;
        return scope != nullptr && scope->cancelled();
    }

    /// The one place where coroutines stop until they are woken. Returns how the wait was settled.
    /// If not `cancellable`, cancelling leaves it alone.
    Outcome suspend(bool cancellable) noexcept;

    /// Stops as a wait does that has been settled at once: behind all who are ready.
    static void step_aside() noexcept;

    /// Ends the wait if nobody did before: true if this call settled it. The coroutine runs soon,
    /// never inside this call.
    bool settle(Outcome outcome, WaitNode* by = nullptr) noexcept;

    /// Ends a wait that nobody has settled, as settle() does, but leaves the coroutine to the
    /// caller, who enters it now or makes it ready: until then it counts as one that has yielded.
    Coroutine& take_over(Outcome outcome, WaitNode* by = nullptr) noexcept;

    /// The node whose queue woke it; null if it was cancelled.
    [[nodiscard]] WaitNode* woken_by() const noexcept { return woken_by_; }

    [[nodiscard]] Coroutine& coroutine() const noexcept { return *coroutine_; }

    // The same as suspend() and settle(), for the library's own use where a call costs too much.
    inline Outcome suspend_inline(bool cancellable) noexcept;
    inline bool settle_inline(Outcome outcome, WaitNode* by) noexcept;

private:
    friend class CancelScope;
    friend class CoroutineReport;

    [[noreturn]] static void refuse(const WaitReason& reason) noexcept;
    inline void end(Outcome outcome, WaitNode* by) noexcept;

    Coroutine* coroutine_;
    WaitNode* nodes_;
    std::size_t count_;
    WaitNode* woken_by_ = nullptr;
    std::uint64_t since_ = 0;
    Outcome outcome_ = Outcome::pending;
    bool cancellable_ = true;
};

}  // namespace coloop
