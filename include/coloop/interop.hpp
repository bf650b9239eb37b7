// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/loop.hpp>
#include <coloop/posted.hpp>

/// Between coloop's coroutines and those of C++20, in both directions: await() and as_awaitable().
/// For callbacks see Completion.
namespace coloop {

namespace detail {

/// Lets the coroutine that makes it wait for a call of done(), on whatever thread that comes.
class COLOOP_EXPORT Arrival final : private Posted {
public:
    Arrival();
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
    ~Arrival();

    /// To be called once; the Arrival may be gone when it returns.
    void done() noexcept;

    /// Returns after done(). If cancelled before, calls `cancel()` once, shielded, and waits on.
    template <typename Cancel>
    void wait(Cancel cancel) {
        if (!done_ && !waiter_.wait(std::nothrow) && !done_) {
            const CancelScope shield(CancelScope::Kind::shield);
            cancel();
            while (!done_) {
                waiter_.wait();
            }
        }
    }

private:
    void arrive() noexcept;

    LoopState& state_;
    const Thread* thread_ = &thread;  // the loop's
    bool done_ = false;
    CoQueue waiter_{"await"};
};

/// What a function has returned or thrown.
template <typename Value>
class Outcome {
public:
    static_assert(!std::is_rvalue_reference_v<Value>);

    /// Calls `function()` and keeps what comes of it.
    template <typename Function>
    void keep(Function&& function) noexcept {
        try {
            if constexpr (std::is_void_v<Value>) {
                std::forward<Function>(function)();
            } else if constexpr (std::is_reference_v<Value>) {
                value_ = std::addressof(std::forward<Function>(function)());
            } else {
                value_.emplace(std::forward<Function>(function)());
            }
        } catch (...) {  // it is the taker's to handle
            failure_ = std::current_exception();
        }
    }

    void fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

    Value take() {
        if (failure_) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
        if constexpr (std::is_reference_v<Value>) {
            return *value_;
        } else if constexpr (!std::is_void_v<Value>) {
            return *std::move(value_);
        }
    }

private:
    using Kept = std::conditional_t<
        std::is_reference_v<Value>, std::add_pointer_t<Value>,
        std::optional<std::conditional_t<std::is_void_v<Value>, std::monostate, Value>>>;

    Kept value_{};
    std::exception_ptr failure_;
};

/// The C++20 coroutine that does the awaiting for one of coloop's. It ends by itself.
struct Driver {
    // NOLINTNEXTLINE(readability-identifier-naming): the language wants this name
    struct promise_type {
        Driver get_return_object() noexcept { return {}; }

        std::suspend_never initial_suspend() noexcept { return {}; }

        std::suspend_never final_suspend() noexcept { return {}; }

        void return_void() noexcept {}

        void unhandled_exception() noexcept { std::terminate(); }
    };
};

template <typename Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
    if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
        return std::forward<Awaitable>(awaitable).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
        return operator co_await(std::forward<Awaitable>(awaitable));
    } else {
        return std::forward<Awaitable>(awaitable);
    }
}

/// What is awaited, wherever it lies; compilers have been seen to copy what is an lvalue.
template <typename Awaiter>
struct AwaiterReference {
    Awaiter& awaiter;

    bool await_ready() { return awaiter.await_ready(); }

    auto await_suspend(std::coroutine_handle<Driver::promise_type> caller) {
        return awaiter.await_suspend(caller);
    }

    decltype(auto) await_resume() { return awaiter.await_resume(); }
};

/// What `co_await` gives; what it gives as an rvalue is kept as a value.
template <typename Awaiter>
using AwaiterResult = decltype(std::declval<Awaiter&>().await_resume());

template <typename T>
using AsValue = std::conditional_t<std::is_rvalue_reference_v<T>, std::remove_reference_t<T>, T>;

template <typename Awaitable>
using AwaitValue = AsValue<
    AwaiterResult<std::remove_reference_t<decltype(awaiter_of(std::declval<Awaitable>()))>>>;

/// References only, to what await() has in its frame; after done() it touches none.
template <typename Awaiter, typename Value>
Driver drive(Awaiter& awaiter, Outcome<Value>& outcome, Arrival& arrival) {
    try {
        if constexpr (std::is_void_v<Value>) {
            co_await AwaiterReference<Awaiter>{awaiter};
        } else {
            decltype(auto) value = co_await AwaiterReference<Awaiter>{awaiter};
            outcome.keep([&]() -> Value { return static_cast<decltype(value)&&>(value); });
        }
    } catch (...) {  // it is the caller's to handle
        outcome.fail(std::current_exception());
    }
    arrival.done();
}

/// Posts to the loop of the running coroutine, whose Loop may be gone while the loop is being left.
COLOOP_EXPORT void post_from_coroutine(Posted& posted) noexcept;

/// Runs a function in one of coloop's coroutines for a C++20 coroutine that awaits it.
template <typename Function>
class FunctionAwaitable final : private Posted {
public:
    using Value = std::invoke_result_t<Function&>;
    static_assert(!std::is_rvalue_reference_v<Value>);

    FunctionAwaitable(Loop& loop, Function function)
        : Posted([](Posted& self) noexcept {
              static_cast<FunctionAwaitable&>(self).caller_.resume();
          }),
          loop_(loop),
          function_(std::move(function)) {}

    FunctionAwaitable(const FunctionAwaitable&) = delete;
    FunctionAwaitable& operator=(const FunctionAwaitable&) = delete;
    ~FunctionAwaitable() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    /// False if there can be no such coroutine; await_resume() throws why.
    bool await_suspend(std::coroutine_handle<> caller) noexcept {
        caller_ = caller;
        const Result<void> started = loop_.spawn(
            [this] {
                outcome_.keep(function_);
                post_from_coroutine(*this);
            },
            {.name = "as_awaitable"}, std::nothrow);
        if (!started) {
            outcome_.fail(std::make_exception_ptr(started.error()));
        }
        return started.has_value();
    }

    Value await_resume() { return outcome_.take(); }

private:
    Loop& loop_;
    Function function_;
    std::coroutine_handle<> caller_;
    Outcome<Value> outcome_;
};

}  // namespace detail

/// What `co_await` can wait for.
template <typename T>
concept Awaitable = requires(T&& awaitable) {
    detail::awaiter_of(std::forward<T>(awaitable)).await_resume();
};

/// Waits in a coroutine of coloop for whatever C++20 coroutines can `co_await`; returns what that
/// gives, and throws what it throws.
///
/// What the awaitable does at once, a lazy task its whole first part, runs on the caller's stack.
/// It may be resumed on any thread; the caller goes on on its loop's, which does not end before,
/// even if the awaitable never comes. Nobody can take an awaitable back, so a cancelled coroutine
/// waits on, gets the value, and is told of its cancellation by its next wait. Must be called in a
/// coroutine of a loop.
template <Awaitable T>
detail::AwaitValue<T> await(T&& awaitable) {
    return await(std::forward<T>(awaitable), [] {});
}

/// The same; if the coroutine is cancelled before the awaitable comes, calls `cancel()` once, on
/// the loop's thread, to ask for haste: it may request a std::stop_source to stop, for instance. It
/// must not throw.
template <Awaitable T, std::invocable Cancel>
detail::AwaitValue<T> await(T&& awaitable, Cancel cancel) {
    detail::Outcome<detail::AwaitValue<T>> outcome;
    detail::Arrival arrival;
    decltype(auto) awaiter = detail::awaiter_of(std::forward<T>(awaitable));
    detail::drive(awaiter, outcome, arrival);
    arrival.wait(cancel);
    return outcome.take();
}

/// For C++20 coroutines on a loop's thread: `co_await coloop::as_awaitable(loop, [] { … })` runs
/// the function in a coroutine of coloop on `loop`, where it may wait, and gives what it returns,
/// or throws what it throws; Cancelled, too, if the loop is left meanwhile.
///
/// The C++20 coroutine goes on on the loop's own stack, outside of coloop's coroutines. It must not
/// be destroyed while it waits. To limit or cancel the function, open a scope in it: with_timeout()
/// and the like.
///
/// g++ 12 destroys a lambda twice that is written inside a `co_await` and has captures which need
/// destroying; give such a lambda a name first, and move that in.
template <std::invocable Function>
[[nodiscard]] detail::FunctionAwaitable<std::decay_t<Function>> as_awaitable(Loop& loop,
                                                                             Function&& function) {
    return {loop, std::forward<Function>(function)};
}

}  // namespace coloop
