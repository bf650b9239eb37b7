// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <coloop/co_semaphore.hpp>
#include <coloop/export.hpp>

namespace coloop {

namespace detail {

/// A function with its arguments and what came of it.
class COLOOP_EXPORT BlockingCall {
public:
    BlockingCall() = default;
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;
    virtual ~BlockingCall() = default;
    virtual void run() noexcept = 0;
};

template <typename Function>
class BlockingTask final : public BlockingCall {
public:
    using Value = std::invoke_result_t<Function>;
    static_assert(!std::is_reference_v<Value>, "run_blocking() hands a value from another thread");

    explicit BlockingTask(Function function) : function_(std::move(function)) {}

    void run() noexcept override {
        try {
            if constexpr (std::is_void_v<Value>) {
                std::move(function_)();
            } else {
                value_.emplace(std::move(function_)());
            }
        } catch (...) {  // it is the caller's to handle
            failure_ = std::current_exception();
        }
    }

    Value take() {
        if (failure_) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
        if constexpr (!std::is_void_v<Value>) {
            return *std::move(value_);
        }
    }

private:
    Function function_;
    std::optional<std::conditional_t<std::is_void_v<Value>, std::monostate, Value>> value_;
    std::exception_ptr failure_;
};

enum class Abandon : bool { never, when_cancelled };

/// Returns when it was run; throws Cancelled if it was not, or was left behind.
COLOOP_EXPORT void run_on_pool(const std::shared_ptr<BlockingCall>& call, Abandon abandon);

template <typename Function>
auto run_blocking(Function&& function, Abandon abandon) {
    using Task = BlockingTask<std::decay_t<Function>>;
    const auto task = std::make_shared<Task>(std::forward<Function>(function));
    run_on_pool(task, abandon);
    return task->take();
}

}  // namespace detail

/// Calls `function()` on a thread of libuv's pool while the calling coroutine waits and others run;
/// returns what it returns and throws what it throws. For what takes long or blocks: computing,
/// compressing, a library that knows no loop.
///
/// The function runs outside all coroutines and must not call what waits; from there only
/// Loop::post() leads back. It may use the caller's variables, as the caller stays until it has
/// ended: a coroutine that is cancelled before a thread has begun with it goes on with Cancelled
/// at once, and the function is never called; later it waits, and gets the result. Must be called
/// in a coroutine of a loop.
template <std::invocable Function>
std::invoke_result_t<std::decay_t<Function>> run_blocking(Function&& function) {
    return detail::run_blocking(std::forward<Function>(function), detail::Abandon::never);
}

/// Says that a function may go on without its caller: see run_blocking().
struct Abandonable {};

inline constexpr Abandonable abandonable{};

/// The same for a function that owns all that it uses: a coroutine that is cancelled while it runs
/// goes on with Cancelled at once. The function then runs to its end all the same, but what it
/// returns or throws is lost; it is destroyed on the loop's thread. The loop can't be closed before
/// that.
template <std::invocable Function>
std::invoke_result_t<std::decay_t<Function>> run_blocking(Abandonable /*tag*/,
                                                          Function&& function) {
    return detail::run_blocking(std::forward<Function>(function), detail::Abandon::when_cancelled);
}

/// What each function of run_blocking(), and each lookup of a name, takes one of on this thread;
/// further ones wait. At first there is one less than the pool has threads (UV_THREADPOOL_SIZE), so
/// that files have one left, but at least one. Release some to have more, acquire to have less.
[[nodiscard]] COLOOP_EXPORT CoSemaphore& blocking_permits() noexcept;

}  // namespace coloop
