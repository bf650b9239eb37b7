// SPDX-License-Identifier: MIT
//
// A process that ends while a terminal is in raw mode leaves its user with one that shows nothing.
// So, while there is such a terminal, we are told of exit() and of the signals that end processes.
// A signal that has a handler is left to it, except for faults, where ours comes first and then
// lets the fault happen again.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "io/terminal_guard.hpp"

namespace coloop {

namespace {

struct Remembered {
    std::atomic<int> descriptor{-1};
    termios settings{};
};

constexpr std::array faults{SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr std::array endings{SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1,
                             SIGUSR2, SIGXCPU, SIGSYS,  SIGTRAP, SIGSEGV, SIGBUS,  SIGFPE,  SIGILL};

std::array<Remembered, 16> table;
std::mutex table_mutex;  // for all but the handler
int in_use = 0;
std::array<struct sigaction, endings.size()> before;

bool is_fault(int number) noexcept {
    return std::find(faults.begin(), faults.end(), number) != faults.end();
}

void restore_all() noexcept {
    for (const Remembered& entry : table) {
        const int descriptor = entry.descriptor.load();
        if (descriptor >= 0) {
            tcsetattr(descriptor, TCSANOW, &entry.settings);
        }
    }
}

void on_ending(int number, siginfo_t* info, void* /*context*/) {
    const int error = errno;
    restore_all();
    const auto place = std::find(endings.begin(), endings.end(), number) - endings.begin();
    sigaction(number, &before[static_cast<std::size_t>(place)], nullptr);
    // A real fault happens again when we return; anything else must be sent again.
    if (!is_fault(number) || info->si_code <= 0) {
        raise(number);
    }
    errno = error;
}

bool is_ours(const struct sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_ending;
}

void watch_endings() noexcept {
    static const int at_exit = std::atexit(restore_all);
    static_cast<void>(at_exit);

    struct sigaction ours {};

    ours.sa_sigaction = on_ending;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&ours.sa_mask);  // SIGTTOU would stop a process in the background
    for (std::size_t i = 0; i < endings.size(); ++i) {
        sigaction(endings[i], nullptr, &before[i]);
        const bool by_default =
            (before[i].sa_flags & SA_SIGINFO) == 0 && before[i].sa_handler == SIG_DFL;
        const bool ignored =
            (before[i].sa_flags & SA_SIGINFO) == 0 && before[i].sa_handler == SIG_IGN;
        if (by_default || (is_fault(endings[i]) && !ignored)) {
            sigaction(endings[i], &ours, nullptr);
        }
    }
}

void unwatch_endings() noexcept {
    for (std::size_t i = 0; i < endings.size(); ++i) {
        struct sigaction now {};

        sigaction(endings[i], nullptr, &now);
        if (is_ours(now)) {
            sigaction(endings[i], &before[i], nullptr);
        }
    }
}

}  // namespace

int TerminalGuard::remember(int descriptor) noexcept {
    if (place_ >= 0) {
        return 0;
    }
    termios settings{};
    if (tcgetattr(descriptor, &settings) != 0) {
        return uv_translate_sys_error(errno);
    }
    const std::lock_guard lock(table_mutex);
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (table[i].descriptor.load() < 0) {
            table[i].settings = settings;
            table[i].descriptor.store(descriptor);
            place_ = static_cast<int>(i);
            if (in_use++ == 0) {
                watch_endings();
            }
            return 0;
        }
    }
    return UV_ENOBUFS;
}

void TerminalGuard::restore() noexcept {
    if (place_ < 0) {
        return;
    }
    const std::lock_guard lock(table_mutex);
    Remembered& entry = table[static_cast<std::size_t>(place_)];
    place_ = -1;
    while (tcsetattr(entry.descriptor.load(), TCSANOW, &entry.settings) != 0 && errno == EINTR) {
    }
    entry.descriptor.store(-1);
    if (--in_use == 0) {
        unwatch_endings();
    }
}

}  // namespace coloop
