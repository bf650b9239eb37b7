// SPDX-License-Identifier: MIT
//
// Tests of code that runs in coroutines: without real waiting, in a random but repeatable order or
// in every order there is, cancelled at each step, and with an eye on what they leave behind.
// Link coloop::testing. Works with every test framework: what fails is an exception.
//
//     TEST_CASE("a slow server is given up after an hour") {
//         coloop::testing::run_test([] {
//             auto [near, far] = coloop::testing::memory_stream_pair();
//             CHECK_THROWS_AS(coloop::with_timeout(1h, [&] { ask(near); }), coloop::TimedOut);
//         });
//     }
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>
#include <coloop/loop.hpp>

namespace coloop::testing {

/// Which of the coroutines that are ready runs next.
enum class Order : std::uint8_t {
    shuffled,  ///< any, as the seed has it; now and then the loop polls first
    fifo,      ///< the one that has been ready longest, as outside tests
};

/// How a test is to be run. The time of a test is that of its ManualClock:
///
/// - While a coroutine is ready, it stands still.
/// - While all wait, and something is under way whose end the loop will hear of (a request on
///   libuv's thread pool, a child process, a thread for which there is a Loop::KeepAlive), it goes
///   as real time does.
/// - While all wait and nothing of that kind is under way, it jumps to the next deadline, as soon
///   as polling has brought nothing. If there is no deadline either, that is a deadlock, and the
///   test fails.
///
/// Sockets and pipes do not hold it up: what one end has sent has arrived at the other when the
/// loop polls, if both are in the test. A test whose peer is another process or a thread gives
/// `patience`.
struct TestOptions {
    Order order = Order::shuffled;

    /// What the order, pick() and select() follow from: the same seed, the same run. The
    /// environment variable COLOOP_SEED takes precedence, a number or "random".
    std::uint64_t seed = 1;

    /// For `patience`: a millisecond while sockets, pipes or the like are open, else none.
    static constexpr std::chrono::nanoseconds automatic{-1};

    /// How long, in real time, the loop polls in vain before the clock jumps or a deadlock is
    /// reported; counted in milliseconds.
    std::chrono::nanoseconds patience = automatic;

    /// False if the clock moves only when it is told to.
    bool clock_jumps = true;

    /// Whether descriptors are counted as left behind. They are the whole process's, so not in a
    /// program whose other threads open and close some meanwhile.
    bool watches_descriptors = true;

    /// How often coroutines may be entered in one run before it is taken for an endless one.
    std::size_t most_steps = 10'000'000;

    /// How many interleavings run_all_interleavings() tries before it gives up.
    std::size_t most_interleavings = 1'000'000;

    /// The stack of the test's own coroutine.
    std::size_t stack_size = default_stack_size;
};

/// What the kit itself finds wrong: a deadlock, something left behind, too many interleavings.
class COLOOP_EXPORT TestFailure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

namespace detail {

using Body = std::function<void(Loop&)>;

template <typename Function>
concept TestBody = std::invocable<Function&> || std::invocable<Function&, Loop&>;

template <typename Function>
Body body_of(Function& function) {
    return [&function](Loop& loop) {
        if constexpr (std::invocable<Function&, Loop&>) {
            function(loop);
        } else {
            function();
        }
    };
}

COLOOP_EXPORT void run_test(const TestOptions& options, const Body& body);
COLOOP_EXPORT void run_seeds(const TestOptions& options, std::size_t count, const Body& body);
COLOOP_EXPORT std::size_t run_all_interleavings(const TestOptions& options, const Body& body);

}  // namespace detail

/// Calls `function()`, or `function(loop)`, in a coroutine on a loop of its own, and returns when
/// it has ended.
///
/// What leaves the function is thrown again here. Throws TestFailure if nothing can wake the
/// coroutines any more, with a line for each that says what it waits for; and if the function has
/// ended but left something behind: a coroutine, a libuv handle, a file descriptor, a stack. What
/// was left, and where it was made, is in the text, and is cancelled and closed; what does not end
/// then ends the program. Must be called outside coroutines.
///
/// If the order was shuffled, a failure is preceded by a line on standard error that says how to
/// repeat it. A framework whose checks do not throw can be told current_seed().
template <detail::TestBody Function>
void run_test(const TestOptions& options, Function&& function) {
    detail::run_test(options, detail::body_of(function));
}

template <detail::TestBody Function>
void run_test(Function&& function) {
    detail::run_test({}, detail::body_of(function));
}

/// The same `count` times, with the seeds from options.seed on; all on one loop. Stops at the first
/// failure and says which seed repeats it: with COLOOP_SEED set, that seed alone is run. Open
/// descriptors are looked at once, at the end.
template <detail::TestBody Function>
void run_seeds(const TestOptions& options, std::size_t count, Function&& function) {
    detail::run_seeds(options, count, detail::body_of(function));
}

template <detail::TestBody Function>
void run_seeds(std::size_t count, Function&& function) {
    detail::run_seeds({}, count, detail::body_of(function));
}

/// The same once for each order in which the coroutines can run, and each combination of what
/// pick() returns; all on one loop. Returns how many there are.
///
/// They are many: three coroutines that stop three times each run in 1,680 orders. Throws
/// TestFailure if there are more than options.most_interleavings, and if the function does not
/// behave the same when the same is chosen. Says how to repeat a failure: with COLOOP_SCHEDULE set,
/// that order alone is run. Coroutines that wait for the loop to poll (co_sleep_ns(0)) go on when
/// all others have stopped.
template <detail::TestBody Function>
std::size_t run_all_interleavings(const TestOptions& options, Function&& function) {
    return detail::run_all_interleavings(options, detail::body_of(function));
}

template <detail::TestBody Function>
std::size_t run_all_interleavings(Function&& function) {
    return detail::run_all_interleavings({}, detail::body_of(function));
}

// The following are for coroutines of a test that one of the functions above runs; misuse
// elsewhere.

/// Waits until all other coroutines wait and polling brings nothing. The clock does not jump
/// before. Who waits for the thread pool waits, too. Throws Cancelled if cancelled.
COLOOP_EXPORT void wait_until_all_blocked();

/// Lets others run here, or not: a point between two steps at which the test's order is chosen
/// anew. For models of code, and for code that is to be tested as if it waited. Throws Cancelled if
/// cancelled.
COLOOP_EXPORT void give_way();

/// A number below `options`, which follows from the seed, or takes each value in turn.
[[nodiscard]] COLOOP_EXPORT std::size_t pick(std::size_t options);

/// The seed of this run.
[[nodiscard]] COLOOP_EXPORT std::uint64_t current_seed();

/// The clock of a test's loop: what monotonic_clock(), sleeps and timeouts go by. It begins with
/// the steady clock's time of then.
class COLOOP_EXPORT ManualClock {
public:
    ManualClock(const ManualClock&) = delete;
    ManualClock& operator=(const ManualClock&) = delete;

    /// Nanoseconds of the steady clock's origin.
    [[nodiscard]] std::int64_t now() const noexcept { return now_; }

    /// Moves it forward; what is due then becomes ready. Misuse if negative.
    void advance(std::chrono::nanoseconds duration);

    /// Whether it jumps to the next deadline when all are blocked.
    void set_jumping(bool jumping) noexcept { jumping_ = jumping; }

private:
    friend class Harness;

    ManualClock();

    std::int64_t now_;
    bool jumping_ = true;
};

/// The running test's.
[[nodiscard]] COLOOP_EXPORT ManualClock& manual_clock();

class Attempt;

namespace detail {

COLOOP_EXPORT std::size_t cancel_at_every_step(const TestOptions& options,
                                               const std::function<void(Attempt&)>& scenario);

}  // namespace detail

/// One run of cancel_at_every_step().
class COLOOP_EXPORT Attempt {
public:
    /// Calls `function()`, and cancels it at the step at which it is this run's turn. Returns true
    /// if it was not cut short: it has ended, although it may have been cancelled meanwhile. Once
    /// in each run.
    template <typename Function>
    bool run(Function&& function) {
        CancelScope scope;
        const Armed armed(*this, scope);
        return scope.run(function);
    }

    /// True if this run's turn has come.
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

private:
    friend class Harness;
    friend std::size_t detail::cancel_at_every_step(const TestOptions&,
                                                    const std::function<void(Attempt&)>&);

    class COLOOP_EXPORT Armed {
    public:
        Armed(Attempt& attempt, CancelScope& scope);
        Armed(const Armed&) = delete;
        Armed& operator=(const Armed&) = delete;
        ~Armed();

    private:
        Attempt& attempt_;
    };

    explicit Attempt(std::size_t step) noexcept : step_(step) {}

    /// A step: cancels if it is the one.
    void pass() noexcept;

    CancelScope* scope_ = nullptr;
    std::size_t step_;  // at which it cancels; zero: before the beginning
    std::size_t passed_ = 0;
    bool used_ = false;
    bool cancelled_ = false;
};

/// Calls `scenario(attempt)` as run_test() does, again and again. What the scenario gives to
/// attempt.run() is cancelled: in the first run before it begins, in each further run one step
/// later, until it has ended before its turn came. Returns how many runs that took.
///
/// A step is each stop of any coroutine of the test, and each beginning of one that something other
/// than a coroutine woke: so an operation is cancelled while it waits, and also when what it waits
/// for has come but it hasn't run yet. What stands before attempt.run() is the set-up; what stands
/// behind it checks what must hold after each run (the lock is free, the stream is whole or
/// closed). Each run is checked for deadlock and for what it leaves behind. A failure is preceded
/// by a line on standard error that says at which step it came; with COLOOP_STEP set, that one
/// alone is run.
///
///     cancel_at_every_step([](Attempt& attempt) {
///         coloop::CoMutex mutex;
///         attempt.run([&] { const std::lock_guard lock(mutex); write_log(); });
///         CHECK(mutex.try_lock());
///         mutex.unlock();
///     });
template <std::invocable<Attempt&> Scenario>
std::size_t cancel_at_every_step(const TestOptions& options, Scenario&& scenario) {
    return detail::cancel_at_every_step(options, std::ref(scenario));
}

template <std::invocable<Attempt&> Scenario>
std::size_t cancel_at_every_step(Scenario&& scenario) {
    return detail::cancel_at_every_step({.order = Order::fifo}, std::ref(scenario));
}

}  // namespace coloop::testing
