// SPDX-License-Identifier: MIT
//
// The handlers run on an alternate stack, since the one that overflowed has no room for them, and
// call only what may be called in a signal handler. They tell an overflow by its address, not by
// si_code, which is the same for a guard of page table markers and for a wild pointer.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>
#include <coloop/overflow.hpp>

#include "context/guard.hpp"
#include "context/stack.hpp"
#include "coroutine/access.hpp"
#include "coroutine/stack_call.hpp"

namespace coloop {

namespace {

// What a frame without stack clash protection may step over the guard by and still be recognised.
constexpr std::size_t reach_below_guard = std::size_t{64} << 10;

struct sigaction previous_segv;
struct sigaction previous_bus;

/// Text on the stack, for writing it at once. What no longer fits is left out.
class Line {
public:
    Line& text(std::string_view more) noexcept {
        const std::size_t length = std::min(more.size(), sizeof text_ - length_);
        std::memcpy(text_ + length_, more.data(), length);
        length_ += length;
        return *this;
    }

    Line& number(std::size_t value, std::size_t base = 10) noexcept {
        char digits[24];
        std::size_t first = sizeof digits;
        do {
            digits[--first] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        return text(std::string_view(digits + first, sizeof digits - first));
    }

    Line& address(const void* place) noexcept {
        return text("0x").number(reinterpret_cast<std::uintptr_t>(place), 16);
    }

    void print() const noexcept {
        // A failure to say it cannot be said either.
        static_cast<void>(!write(STDERR_FILENO, text_, length_));
    }

private:
    char text_[512];
    std::size_t length_ = 0;
};

bool overflowed(const Stack& stack, const void* address) noexcept {
    const auto low = reinterpret_cast<std::uintptr_t>(stack.low);
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    return place < low && low - place <= guard_size(stack.span()) + reach_below_guard;
}

void print_report(const Coroutine* coroutine, const Stack& stack, const void* address) noexcept {
    const char* remedy = "CoroutineOptions::stack_size";
    Line line;
    line.text("coloop: ");
    if (coroutine == nullptr) {
        line.text("a function outside coroutines");
        remedy = "the size for call_with_stack()";
    } else if (coroutine->name().empty()) {
        line.text("coroutine ").address(coroutine);
    } else {
        line.text("coroutine \"").text(coroutine->name()).text("\"");
    }
    line.text(" overflowed its stack of ").number(stack.span()).text(" bytes at address ");
    line.address(address).text("; give it more (").text(remedy);
    line.text(") or run what needs it by call_with_stack()\n").print();

    void* frames[48];
    const int count = backtrace(frames, static_cast<int>(std::size(frames)));
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

/// Does as if this handler had never been installed.
void pass_on(const struct sigaction& previous, int number, siginfo_t* info,
             void* context) noexcept {
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler == SIG_IGN && info->si_code <= 0) {
        return;
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    } else {
        // A fault comes again, and now meets the default action; one that was sent does not.
        struct sigaction action {};

        action.sa_handler = SIG_DFL;
        sigaction(number, &action, nullptr);
        if (info->si_code <= 0) {
            raise(number);
        }
    }
}

void on_fault(int number, siginfo_t* info, void* context) {
    const int error = errno;
    const struct sigaction& previous = number == SIGBUS ? previous_bus : previous_segv;
    const detail::Thread& thread = detail::thread;
    Coroutine* current = thread.current;
    const Stack* stack = nullptr;
    if (current != nullptr) {
        stack = CoroutineAccess::stack(*current);
    } else if (thread.calls_outside != nullptr) {
        stack = thread.calls_outside->stack;
    }
    if (stack != nullptr && info->si_code > 0 && overflowed(*stack, info->si_addr)) {
        print_report(current, *stack, info->si_addr);
        // Restored, not called: the instruction faults again and the core shows it, not us.
        sigaction(number, &previous, nullptr);
    } else {
        pass_on(previous, number, info, context);
    }
    errno = error;
}

[[noreturn]] void refuse(const char* operation) {
    throw Error(std::error_code(errno, std::generic_category()), operation,
                "for the report of stack overflows");
}

/// A thread's alternate stack, if it had none that is large enough.
class AlternateStack {
public:
    AlternateStack() {
        stack_t theirs{};
        sigaltstack(nullptr, &theirs);
        const std::size_t needed = least_size();
        if ((theirs.ss_flags & SS_DISABLE) == 0 && theirs.ss_size >= needed) {
            return;
        }
        void* memory =
            mmap(nullptr, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            refuse("mmap");
        }
        stack_t ours{};
        ours.ss_sp = memory;
        ours.ss_size = needed;
        if (sigaltstack(&ours, &before_) != 0) {
            const int error = errno;
            munmap(memory, needed);
            errno = error;
            refuse("sigaltstack");
        }
        memory_ = memory;
        size_ = needed;
    }

    AlternateStack(const AlternateStack&) = delete;
    AlternateStack& operator=(const AlternateStack&) = delete;

    ~AlternateStack() {
        if (memory_ == nullptr) {
            return;
        }
        stack_t now{};
        sigaltstack(nullptr, &now);
        if (now.ss_sp == memory_) {  // else somebody put another in its place
            sigaltstack(&before_, nullptr);
        }
        munmap(memory_, size_);
    }

private:
    /// What the kernel needs to save the registers, which has outgrown SIGSTKSZ, and what the
    /// report and a handler before ours do.
    static std::size_t least_size() noexcept {
        constexpr std::size_t for_handlers = std::size_t{24} << 10;
        long saved = MINSIGSTKSZ;
#if defined(_SC_MINSIGSTKSZ)
        saved = std::max(saved, sysconf(_SC_MINSIGSTKSZ));
#endif
        return static_cast<std::size_t>(saved) + for_handlers;
    }

    void* memory_ = nullptr;
    std::size_t size_ = 0;
    stack_t before_{};
};

void install_handlers() {
    // The first backtrace loads a library, which a handler must not.
    void* frame = nullptr;
    backtrace(&frame, 1);

    struct sigaction action {};

    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &previous_bus) != 0 ||
        sigaction(SIGSEGV, &action, &previous_segv) != 0) {
        refuse("sigaction");
    }
}

}  // namespace

void report_stack_overflow() {
    static std::once_flag installed;
    std::call_once(installed, install_handlers);
    static thread_local const AlternateStack stack;
    static_cast<void>(stack);
}

}  // namespace coloop
