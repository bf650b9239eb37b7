// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <coloop/broadcast.hpp>
#include <coloop/channel.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/completion.hpp>
#include <coloop/event.hpp>
#include <coloop/export.hpp>
#include <coloop/latch.hpp>

namespace coloop {

/// Something that may happen in a select(), and what is done then. Made by receive(), send(),
/// wait(), after(), until() and otherwise(), in the call of select().
template <typename Derived>
class SelectCase {
public:
    SelectCase(const SelectCase&) = delete;
    SelectCase& operator=(const SelectCase&) = delete;

    /// Leaves the case out if `enabled` is false: `receive(jobs, work).when(!closing)`.
    [[nodiscard]] Derived&& when(bool enabled) && noexcept {
        enabled_ = enabled;
        return static_cast<Derived&&>(*this);
    }

    [[nodiscard]] bool enabled() const noexcept { return enabled_; }

    // What a case need not have of its own; the rest is what select() calls: ready() and reason(),
    // enlist(), and finish(), which runs the function.

    static constexpr bool waits = true;

    [[nodiscard]] std::uintptr_t tag() noexcept { return 0; }

    void take() noexcept {}

    void leave() noexcept {}

protected:
    SelectCase() = default;
    ~SelectCase() = default;

private:
    bool enabled_ = true;
};

template <typename T, typename Function>
class [[nodiscard]] ReceiveCase final : public SelectCase<ReceiveCase<T, Function>> {
public:
    ReceiveCase(Channel<T>& channel, Function function)
        : channel_(channel), function_(std::move(function)) {}

    [[nodiscard]] bool ready() const noexcept { return channel_.can_receive(); }

    [[nodiscard]] const WaitReason& reason() const noexcept { return channel_.receivers_.reason(); }

    [[nodiscard]] std::uintptr_t tag() noexcept {
        return reinterpret_cast<std::uintptr_t>(&value_);
    }

    void take() noexcept { static_cast<void>(channel_.get(value_)); }

    void enlist(WaitNode& node) noexcept { channel_.receivers_.enlist(node); }

    decltype(auto) finish() { return function_(std::move(value_)); }

private:
    Channel<T>& channel_;
    Function function_;
    std::optional<T> value_;
};

template <typename T, typename Function>
class [[nodiscard]] SendCase final : public SelectCase<SendCase<T, Function>> {
public:
    SendCase(Channel<T>& channel, T* value, Function function)
        : channel_(channel), offer_(value), function_(std::move(function)) {}

    SendCase(Channel<T>& channel, const T& value, Function function)
        : channel_(channel), copy_(value), offer_(&*copy_), function_(std::move(function)) {}

    [[nodiscard]] bool ready() const noexcept { return channel_.can_send(); }

    [[nodiscard]] const WaitReason& reason() const noexcept { return channel_.senders_.reason(); }

    [[nodiscard]] std::uintptr_t tag() noexcept {
        return reinterpret_cast<std::uintptr_t>(&offer_);
    }

    void take() noexcept {
        if (channel_.put(*offer_)) {
            offer_ = nullptr;
        }
    }

    void enlist(WaitNode& node) noexcept { channel_.senders_.enlist(node); }

    decltype(auto) finish() {
        if (offer_ != nullptr) {
            Channel<T>::closed_error().raise();
        }
        return function_();
    }

private:
    Channel<T>& channel_;
    std::optional<T> copy_;
    T* offer_;
    Function function_;
};

/// How select() looks into what can be waited for without a value.
struct SelectAccess {
    static bool ready(const CoQueue& /*queue*/) noexcept { return false; }

    static bool ready(const Broadcast& /*broadcast*/) noexcept { return false; }

    static bool ready(const Event& event) noexcept { return event.is_set(); }

    static bool ready(const Latch& latch) noexcept { return latch.try_wait(); }

    static bool ready(const CompletionState& completion) noexcept {
        completion.require_no_waiter();
        return completion.is_set();
    }

    static CoQueue& queue(CoQueue& queue) noexcept { return queue; }

    template <typename Object>
    static CoQueue& queue(Object& object) noexcept {
        return object.waiters_;
    }

    template <typename Object, typename Function>
    static decltype(auto) finish(Object& /*object*/, Function& function) {
        return function();
    }

    template <typename T, typename Function>
    static decltype(auto) finish(Completion<T>& completion, Function& function) {
        if constexpr (std::is_void_v<T>) {
            completion.wait();
            return function();
        } else {
            return function(completion.wait());
        }
    }
};

template <typename Object, typename Function>
class [[nodiscard]] WaitCase final : public SelectCase<WaitCase<Object, Function>> {
public:
    WaitCase(Object& object, Function function) : object_(object), function_(std::move(function)) {}

    [[nodiscard]] bool ready() const noexcept { return SelectAccess::ready(object_); }

    [[nodiscard]] const WaitReason& reason() const noexcept {
        return SelectAccess::queue(object_).reason();
    }

    void enlist(WaitNode& node) noexcept { SelectAccess::queue(object_).enlist(node); }

    decltype(auto) finish() { return SelectAccess::finish(object_, function_); }

private:
    Object& object_;
    Function function_;
};

template <typename Function>
class [[nodiscard]] OtherwiseCase final : public SelectCase<OtherwiseCase<Function>> {
public:
    explicit OtherwiseCase(Function function) : function_(std::move(function)) {}

    static constexpr bool waits = false;

    [[nodiscard]] static bool ready() noexcept { return false; }

    decltype(auto) finish() { return function_(); }

private:
    Function function_;
};

/// A value is received from `channel`, or nullopt because it is closed and drained:
/// `function(std::optional<T>)`.
template <typename T, std::invocable<std::optional<T>> Function>
ReceiveCase<T, Function> receive(Channel<T>& channel, Function function) {
    return {channel, std::move(function)};
}

/// `value` is sent to `channel`: `function()`. Only then has it been moved from. If the channel is
/// closed, the case happens, too, but select() throws what Channel::send() throws.
template <typename T, std::invocable Function>
SendCase<T, Function> send(Channel<T>& channel, std::type_identity_t<T>&& value,
                           Function function) {
    return {channel, &value, std::move(function)};
}

/// The same with a copy, which is made at once.
template <typename T, std::invocable Function>

requires std::copy_constructible<T> SendCase<T, Function> send(Channel<T>& channel,
                                                               const std::type_identity_t<T>& value,
                                                               Function function) {
    return {channel, value, std::move(function)};
}

/// The completion is set: `function(T)`, or `function()` if it is a Completion<void>. If another
/// case happens, the Completion must nevertheless live until its source calls set().
template <typename T, typename Function>
WaitCase<Completion<T>, Function> wait(Completion<T>& completion, Function function) {
    return {completion, std::move(function)};
}

/// A CoQueue or Broadcast wakes the caller, an Event or Latch is or gets done: `function()`.
template <typename Object, std::invocable Function>

requires requires(Object& object) { SelectAccess::ready(object); }

WaitCase<Object, Function> wait(Object& object, Function function) {
    return {object, std::move(function)};
}

/// Nothing else can happen at once: `function()`. With this case select() never waits, and may be
/// called outside coroutines.
template <std::invocable Function>
OtherwiseCase<Function> otherwise(Function function) {
    return OtherwiseCase<Function>(std::move(function));
}

/// From now on, what select() chooses on the calling thread depends on `seed` alone. For tests.
COLOOP_EXPORT void seed_select(std::uint64_t seed) noexcept;

namespace detail {

/// One of the `count` that are ready, each as likely as the others; `count` if none is.
COLOOP_EXPORT std::size_t choose(const bool* ready, std::size_t count) noexcept;

/// Misuse if no case is enabled.
COLOOP_EXPORT void require_one(bool enabled) noexcept;

template <typename Value, typename First, typename... Rest>
Value finish(std::size_t index, First& first, Rest&... rest) {
    if constexpr (sizeof...(Rest) > 0) {
        if (index > 0) {
            return finish<Value>(index - 1, rest...);
        }
    }
    return first.finish();
}

template <typename Case>
void enlist(Case& one, WaitNode& node) noexcept {
    if (one.enabled()) {
        one.enlist(node);
    }
}

/// Waits until one of the cases happens, and returns which.
template <typename... Cases>
std::size_t wait_for_one(Cases&... cases) {
    std::array<WaitNode, sizeof...(Cases)> nodes{WaitNode(cases.reason(), cases.tag())...};
    require_one((cases.enabled() || ...));
    Wait::require_coroutine(*nodes[0].reason);
    if (Wait::already_cancelled()) {
        throw Cancelled();
    }
    Wait wait(nodes.data(), nodes.size());
    std::size_t index = 0;
    (enlist(cases, nodes[index++]), ...);
    const Wait::Outcome outcome = wait.suspend(true);
    (cases.leave(), ...);
    if (outcome == Wait::Outcome::cancelled) {
        throw Cancelled();
    }
    return static_cast<std::size_t>(wait.woken_by() - nodes.data());
}

}  // namespace detail

/// Waits until one of several things happens, and does what belongs to it.
///
///     coloop::select(
///         coloop::receive(jobs, [&](std::optional<Job> job) { ... }),
///         coloop::send(results, result, [&] { ... }),
///         coloop::wait(shutdown, [&] { ... }),
///         coloop::after(1s, [&] { ... }));
///
/// Exactly one case happens: nothing is taken from, sent to or woken by any of the others. If
/// several can happen at once, chance decides, each being as likely; if none can, the first to
/// come. The function of that case is called by the caller's coroutine when the choice is over, so
/// it may wait and throw; select() returns what it returns, so all functions must return the same
/// type or types with a common one.
///
/// Throws Cancelled if it has to wait and the coroutine is cancelled before or meanwhile; then none
/// of the cases has happened. Allocates nothing. Modelled on Go's select statement.
template <typename... Cases>
auto select(Cases&&... cases) -> std::common_type_t<decltype(cases.finish())...> {
    static_assert((std::is_rvalue_reference_v<Cases&&> && ...),
                  "make the cases in the call of select()");
    static_assert((static_cast<int>(!Cases::waits) + ...) <= 1, "one otherwise() is enough");
    using Value = std::common_type_t<decltype(cases.finish())...>;
    constexpr std::size_t count = sizeof...(Cases);
    const std::array<bool, count> ready{(cases.enabled() && cases.ready())...};
    std::size_t chosen = detail::choose(ready.data(), count);
    if (chosen < count) {
        std::size_t index = 0;
        ((index++ == chosen ? cases.take() : void()), ...);
    } else if constexpr ((Cases::waits && ...)) {
        chosen = detail::wait_for_one(cases...);
    } else {
        constexpr std::array<bool, count> waits{Cases::waits...};
        chosen = 0;
        while (waits[chosen]) {
            ++chosen;
        }
    }
    return detail::finish<Value>(chosen, cases...);
}

}  // namespace coloop
