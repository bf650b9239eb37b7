// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <coloop/coroutine.hpp>

namespace coloop {

/// A queue of coroutines that may go on, in the order in which they became ready, and somebody who
/// runs them soon: a loop, or without one the end of the outermost enter().
class Scheduler {
public:
    /// `loop` tells those who need one, and is true for LoopState only.
    explicit constexpr Scheduler(bool loop) noexcept : is_loop(loop) {}

    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    /// Appends a coroutine that is new or whose wait was settled.
    void make_ready(Coroutine& coroutine) noexcept {
        coroutine.status_ = Coroutine::Status::ready;
        coroutine.ahead_ = 0;
        coroutine.next_ready_ = nullptr;
        if (ready_++ == 0) {
            first_ = last_ = &coroutine;
            became_ready();
        } else {
            last_->next_ready_ = &coroutine;
            last_ = &coroutine;
        }
    }

    /// Makes one ready that is to run as soon as the running coroutine stops, before those that are
    /// ready already; several run in the order of the calls. So whoever is woken like this may wake
    /// others like this, but only in chains of a bounded length and, while somebody else waits, in
    /// trees of a bounded size: then they queue like everybody.
    void make_ready_ahead(Coroutine& coroutine) noexcept {
        const Coroutine* running = Coroutine::self();
        while (running != nullptr && running->caller_ != nullptr) {
            running = running->caller_;
        }
        if (running == nullptr || has_had_its_share(*running)) [[unlikely]] {
            make_ready(coroutine);
            return;
        }
        Coroutine*& link = last_ahead_ == nullptr ? first_ : last_ahead_->next_ready_;
        coroutine.status_ = Coroutine::Status::ready;
        coroutine.ahead_ = static_cast<std::uint8_t>(running->ahead_ + 1);
        coroutine.next_ready_ = link;
        if (link == nullptr) {
            last_ = &coroutine;
        }
        link = last_ahead_ = &coroutine;
        if (ready_++ == 0) {
            became_ready();
        }
    }

    /// Takes a ready coroutine out of the queue, for the caller to enter. Searches the queue.
    void withdraw(Coroutine& coroutine) noexcept;

    [[nodiscard]] std::size_t ready() const noexcept { return ready_; }

    /// Lets the one that stands at `index` of those that are ready be the next to run.
    void move_to_front(std::size_t index) noexcept;

    /// Runs the first ready coroutine until it stops; there must be one. Outside coroutines only.
    /// Inline, so that a loop that drains the queue neither calls nor returns between two of them:
    /// then the processor predicts the returns inside the coroutines. `control` is the caller's
    /// own, stored once for a whole drain, since reading it takes as long as the rest of a switch.
    [[gnu::always_inline]] void run_next(const detail::FloatingPointControl& control) {
        Coroutine& coroutine = *first_;
        first_ = coroutine.next_ready_;
        last_ahead_ = nullptr;
        --ready_;
        if (first_ != nullptr) {
            __builtin_prefetch(first_);
            __builtin_prefetch(&first_->next_ready_);
        }
        run(coroutine, control);
        if (coroutine.status_ == Coroutine::Status::done) {
            coroutine.release();
        }
    }

    /// The scheduler of this thread's coroutines that have no loop.
    static Scheduler& without_loop() noexcept;

    /// Where a coroutine made here and now belongs.
    static Scheduler& current() noexcept {
        const detail::Thread& thread = detail::thread;
        if (thread.current != nullptr) {
            return *thread.current->scheduler_;
        }
        return thread.scheduler != nullptr ? *thread.scheduler : without_loop();
    }

    /// What waits that begin now are counted from, in nanoseconds of an arbitrary clock; zero
    /// where there is none.
    std::uint64_t now = 0;

    const bool is_loop;

protected:
    ~Scheduler() = default;

    /// Called when the queue is no longer empty.
    virtual void became_ready() noexcept = 0;

private:
    static constexpr std::uint8_t longest_chain = 64;
    static constexpr unsigned largest_tree = 1024;

    /// Whether those whom `running` makes ready must queue. Whoever had queued begins a new tree;
    /// where only trees are ready, they may grow: depth first they take the fewest stacks.
    bool has_had_its_share(const Coroutine& running) noexcept {
        if (running.ahead_ == 0) {
            tree_ = 0;
        }
        return running.ahead_ == longest_chain ||
               (++tree_ > largest_tree && ready_ > 0 && last_->ahead_ == 0);
    }

    /// As Coroutine::switch_in(), but from outside coroutines, with what was stored before.
    [[gnu::always_inline]] static void run(Coroutine& coroutine,
                                           const detail::FloatingPointControl& control) {
        detail::Thread& thread = detail::thread;
        coroutine.runtime_.control[detail::outside] = control;
        coroutine.caller_ = nullptr;
        thread.current = &coroutine;
        coroutine.status_ = Coroutine::Status::entered;
        coroutine.runtime_.leave(*thread.error_number, *thread.exceptions);
        detail::swap_context(coroutine.context_);
        coroutine.runtime_.arrive(detail::outside);
    }

    Coroutine* first_ = nullptr;
    Coroutine* last_ = nullptr;
    Coroutine* last_ahead_ = nullptr;  // of those that the running coroutine has put ahead
    unsigned tree_ = 0;  // how many were put ahead by one that had queued and its descendants
    std::size_t ready_ = 0;
};

}  // namespace coloop
