// SPDX-License-Identifier: MIT
#include "coroutine/report.hpp"

#include <cstdio>

#include <coloop/wait.hpp>

#include "context/stack.hpp"

namespace coloop {

class CoroutineReport {
public:
    static std::string state(const Coroutine& coroutine, std::uint64_t now) {
        switch (coroutine.status_) {
            case Coroutine::Status::created:
                return "was not entered yet";
            case Coroutine::Status::yielded:
                return "yielded; it goes on when somebody enters it";
            case Coroutine::Status::ready:
                return "is ready to run";
            case Coroutine::Status::entered:
                return &coroutine == Coroutine::self() ? "runs" : "has entered another one";
            case Coroutine::Status::done:
                return "has ended";
            case Coroutine::Status::waiting:
                break;
        }
        return "waits" + duration(*coroutine.wait_, now) + ": " + reason(*coroutine.wait_);
    }

private:
    /// Counted from the turn of the loop in which the wait began, so too small ones mean nothing.
    static std::string duration(const Wait& wait, std::uint64_t now) {
        constexpr std::uint64_t noticeable = 50'000'000;
        if (wait.since_ == 0 || now < wait.since_ + noticeable) {
            return {};
        }
        char text[40];
        std::snprintf(text, sizeof text, " for %.3g s",
                      static_cast<double>(now - wait.since_) / 1e9);
        return text;
    }

    static std::string reason(const Wait& wait) {
        std::string text;
        for (std::size_t i = 0; i < wait.count_; ++i) {
            const WaitReason& one = *wait.nodes_[i].reason;
            text += i == 0 ? "" : " or ";
            text += one.operation;
            if (one.object != nullptr) {
                text += ' ' + one.object->describe();
            }
        }
        return text;
    }
};

std::string describe(const Coroutine& coroutine) {
    if (!coroutine.name().empty()) {
        return "coroutine \"" + std::string(coroutine.name()) + '"';
    }
    char text[40];
    std::snprintf(text, sizeof text, "coroutine %p", static_cast<const void*>(&coroutine));
    return text;
}

std::string describe_state(const Coroutine& coroutine, std::uint64_t now) {
    return describe(coroutine) + ' ' + CoroutineReport::state(coroutine, now);
}

void for_each_coroutine(const std::function<void(const Coroutine&)>& visit) {
    using Visit = const std::function<void(const Coroutine&)>;
    for_each_stack(
        [](Stack& stack, void* context) {
            (*static_cast<Visit*>(context))(*static_cast<const Coroutine*>(stack.owner));
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
}

}  // namespace coloop
