// SPDX-License-Identifier: MIT
#include "coroutine/scheduler.hpp"

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop {

namespace {

class WithoutLoop final : public Scheduler {
public:
    constexpr WithoutLoop() noexcept : Scheduler(false) {}

private:
    void became_ready() noexcept override { detail::thread.has_ready = true; }
};

constinit thread_local WithoutLoop loopless;

}  // namespace

void Scheduler::move_to_front(std::size_t index) noexcept {
    if (index == 0) {
        return;
    }
    Coroutine* before = first_;
    for (std::size_t i = 1; i < index; ++i) {
        before = before->next_ready_;
    }
    Coroutine* chosen = before->next_ready_;
    before->next_ready_ = chosen->next_ready_;
    if (chosen == last_) {
        last_ = before;
    }
    chosen->next_ready_ = first_;
    first_ = chosen;
}

void Scheduler::withdraw(Coroutine& coroutine) noexcept {
    Coroutine* before = nullptr;
    for (Coroutine* one = first_; one != &coroutine; one = one->next_ready_) {
        before = one;
    }
    (before == nullptr ? first_ : before->next_ready_) = coroutine.next_ready_;
    last_ = last_ == &coroutine ? before : last_;
    last_ahead_ = last_ahead_ == &coroutine ? before : last_ahead_;
    --ready_;
    coroutine.status_ = Coroutine::Status::yielded;
}

Scheduler& Scheduler::without_loop() noexcept { return loopless; }

std::size_t run_ready() {
    detail::Thread& thread = detail::thread;
    if (thread.current != nullptr) {
        misuse("run_ready() was called in " + describe(*thread.current) +
               "; it runs coroutines from outside any of them");
    }
    detail::FloatingPointControl control;
    detail::store_control(control);
    std::size_t count = 0;
    while (loopless.ready() > 0) {
        loopless.run_next(control);
        ++count;
    }
    thread.has_ready = false;
    return count;
}

}  // namespace coloop
