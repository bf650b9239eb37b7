// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Signals of the process that coroutines wait for, one after the other, without losing any.
///
/// From its construction on, the signals of a set do nothing but what is done with it; those that
/// come while nobody waits are kept. One that comes again before wait() has returned it counts once
/// more in received() and is returned once, as the system itself does with signals that are
/// blocked. Several sets, on this loop or on those of other threads, may have the same signal; all
/// get it.
///
/// When the last set of the process that has a signal is closed, the signal does what it does by
/// default: not what a handler did that the program had set itself. Signals that say that the
/// program is broken (SIGSEGV and the like) must not be in a set.
///
/// Belongs to the loop of the coroutine that made it. Keeps the loop alive only while somebody
/// waits. Movable; moved from, it is closed. The destructor closes it.
class COLOOP_EXPORT SignalSet {
public:
    /// Must be made in a coroutine; does not wait. Throws Error if one can't be caught.
    SignalSet(std::initializer_list<int> signals)
        : SignalSet(watch(signals, std::nothrow).value()) {}

    /// The same; returns the Error.
    static Result<SignalSet> watch(std::initializer_list<int> signals,
                                   std::nothrow_t tag) noexcept {
        return watch(std::span<const int>(signals.begin(), signals.size()), tag);
    }

    static Result<SignalSet> watch(std::span<const int> signals, std::nothrow_t tag) noexcept;

    SignalSet(SignalSet&& other) noexcept;
    SignalSet& operator=(SignalSet&& other) noexcept;
    ~SignalSet();

    /// Waits until the process gets one of the signals, or has got one that was not returned yet,
    /// and returns which; the one that came first, if there are several. Several coroutines may
    /// wait; each gets another one. Must be called in a coroutine of the set's loop.
    ///
    /// Throws Error (closed) if the set is closed before or meanwhile, and Cancelled if the
    /// coroutine is cancelled before or meanwhile; no signal is lost then.
    int wait() { return wait(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<int> wait(std::nothrow_t tag) noexcept;

    /// How often the signal `number` has come since the set was made.
    [[nodiscard]] std::uint64_t received(int number) const noexcept;

    /// Lets go of the signals at once; those who wait get an Error (closed). Closing twice is fine.
    void close() noexcept;

private:
    class State;

    explicit SignalSet(std::shared_ptr<State> state) noexcept;

    std::shared_ptr<State> state_;
};

/// Waits until the process gets one of the signals, and returns which. While it waits the signals
/// do nothing else; afterwards they do what they do by default, not what a handler did that the
/// program had set itself, so whoever waits again and again wants a SignalSet. Must be called in a
/// coroutine.
///
/// Throws Error if a signal can't be caught, and Cancelled if the coroutine is cancelled before or
/// meanwhile.
COLOOP_EXPORT int wait_for_signal(std::initializer_list<int> signals);

/// The same; returns the Error.
COLOOP_EXPORT Result<int> wait_for_signal(std::initializer_list<int> signals,
                                          std::nothrow_t tag) noexcept;

}  // namespace coloop
