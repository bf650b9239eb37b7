// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/channel.hpp>
#include <coloop/error.hpp>
#include <coloop/export.hpp>
#include <coloop/intrusive_list.hpp>
#include <coloop/remote_wait.hpp>
#include <coloop/result.hpp>

namespace coloop {

namespace detail {

[[noreturn]] COLOOP_EXPORT void refuse_to_destroy_channel() noexcept;

}  // namespace detail

/// Values on their way between threads, each with a loop of its own or with none: a Channel whose
/// members may all be called from any thread.
///
/// Sending and receiving wait as coroutines do, on the loop of whoever waits, and keep its run()
/// going meanwhile; threads without coroutines use the try_ forms. Up to `capacity` values are
/// kept, so a sender that is too fast waits. With a capacity of zero sender and receiver meet. A
/// value goes straight from the sender to a receiver that waits, both in the order of asking.
///
/// None is lost or delivered twice, whatever is cancelled: a send that throws has not touched its
/// value, and a receiver that a value was given to returns it even if it is cancelled before it
/// runs. Sending and receiving look at cancellation only where they have to wait.
///
/// Values are moved under a lock, on the thread of either side. Never allocates but for its
/// capacity, at once. Must outlive all who use it, on every thread; destroying one that somebody
/// waits for is misuse. It is no case of a select(), whose choice among several belongs to one
/// thread: there a coroutine that goes `for (T value : channel)` hands on to a Channel.
template <typename T>
class LoopChannel {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "a value that may have been promised to a receiver must move without throwing; "
                  "send a std::unique_ptr to it instead");

public:
    explicit LoopChannel(std::size_t capacity = 0) : slots_(capacity) {}

    LoopChannel(const LoopChannel&) = delete;
    LoopChannel& operator=(const LoopChannel&) = delete;

    ~LoopChannel() {
        if (!senders_.empty() || !receivers_.empty()) [[unlikely]] {
            detail::refuse_to_destroy_channel();
        }
    }

    /// Sends the value, after waiting for room or a receiver if need be. Must be called in a
    /// coroutine of a loop.
    ///
    /// Throws Error (Errc::closed) if the channel is closed, before or meanwhile, and Cancelled if
    /// the coroutine is cancelled while it waits. Either way `value` is still the caller's.
    void send(T&& value) { send(std::move(value), std::nothrow).value(); }

    /// Sends a copy.
    void send(const T& value) requires std::copy_constructible<T> { send(T(value)); }

    /// The same; returns the Error.
    Result<void> send(T&& value, std::nothrow_t /*tag*/) noexcept {
        std::unique_lock lock(mutex_);
        switch (put(value, lock)) {
            case Done::yes:
                return {};
            case Done::closed:
                return Error(Errc::closed, "send to a channel");
            case Done::not_yet:
                break;
        }
        Waiter waiter("send to a channel", &value);
        if (!wait(senders_, waiter, lock)) {
            return Error(Errc::cancelled, "send to a channel");
        }
        return waiter.done ? Result<void>() : Error(Errc::closed, "send to a channel");
    }

    /// Sends the value if that is possible at once; never waits. False if there is no room, or the
    /// channel is closed; `value` is then still the caller's. May be called outside coroutines.
    [[nodiscard]] bool try_send(T&& value) noexcept {
        std::unique_lock lock(mutex_);
        return put(value, lock) == Done::yes;
    }

    [[nodiscard]] bool try_send(const T& value) requires std::copy_constructible<T> {
        return try_send(T(value));
    }

    /// Takes the next value, after waiting for it if need be; nullopt if the channel is closed and
    /// drained. Throws Cancelled if the coroutine is cancelled while it waits. Must be called in a
    /// coroutine of a loop.
    std::optional<T> receive() {
        std::optional<T> value;
        receive_into(value);
        return value;
    }

    /// The same; returns the Error, which can only be that the coroutine is cancelled.
    Result<std::optional<T>> receive(std::nothrow_t /*tag*/) noexcept {
        std::optional<T> value;
        if (!take_or_wait(value)) {
            return Error(Errc::cancelled, "receive from a channel");
        }
        return value;
    }

    /// Takes the next value if there is one; never waits. May be called outside coroutines.
    [[nodiscard]] std::optional<T> try_receive() noexcept {
        std::optional<T> value;
        std::unique_lock lock(mutex_);
        static_cast<void>(get(value, lock));
        return value;
    }

    /// Ends the stream of values: receivers get what is left and then nullopt; senders are refused,
    /// those too that wait, and keep their values. May be called outside coroutines, and again.
    void close() noexcept {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        for (IntrusiveList<Waiter>* waiters : {&senders_, &receivers_}) {
            while (!waiters->empty()) {
                release(waiters->front());
            }
        }
    }

    [[nodiscard]] bool closed() const noexcept {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

    /// How many values are kept, without those of senders that wait. May have changed by the time
    /// one looks at it.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::lock_guard lock(mutex_);
        return size_;
    }

    /// How many values can be kept.
    [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

    using Iterator = ReceiveIterator<LoopChannel, T>;

    /// Receives the first value. `for (Job job : jobs)` runs until the channel is closed and
    /// drained; coroutines of several loops may do so at once, each value goes to one of them.
    [[nodiscard]] Iterator begin() { return Iterator(*this); }

    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

private:
    friend Iterator;

    enum class Done : std::uint8_t { yes, closed, not_yet };

    using Lock = std::unique_lock<std::mutex>;

    /// Lies in the frame of who waits; in a list until somebody has done what it waits for.
    struct Waiter : ListLink {
        Waiter(const char* operation, void* place) noexcept : value(place), wake(operation) {}

        void* value;  // a sender's T, or a receiver's std::optional<T>
        bool done = false;
        detail::RemoteWait wake;
    };

    /// Wakes a waiter; what it waits for has happened, or the channel is closed.
    static void release(Waiter& waiter) noexcept {
        waiter.unlink();
        waiter.wake.wake();
    }

    /// False if the caller was cancelled and nothing was done for it.
    bool wait(IntrusiveList<Waiter>& waiters, Waiter& waiter, Lock& lock) noexcept {
        waiters.push_back(waiter);
        lock.unlock();
        const bool woken = waiter.wake.wait();
        lock.lock();  // whoever woke is out of the channel then, which may be destroyed next
        if (woken) {
            return true;
        }
        const bool left = waiter.is_linked();
        if (left) {
            waiter.unlink();
        }
        lock.unlock();
        if (!left) {
            waiter.wake.wait_in_shield();
        }
        return !left;
    }

    /// False if the caller was cancelled and got nothing; true without a value at the end.
    bool take_or_wait(std::optional<T>& value) noexcept {
        Lock lock(mutex_);
        if (get(value, lock) != Done::not_yet) {
            return true;
        }
        Waiter waiter("receive from a channel", &value);
        return wait(receivers_, waiter, lock);
    }

    void receive_into(std::optional<T>& value) {
        if (!take_or_wait(value)) {
            throw Cancelled();
        }
    }

    Done put(T& value, const Lock& /*held*/) noexcept {
        if (closed_) {
            return Done::closed;
        }
        if (!receivers_.empty()) {
            Waiter& receiver = receivers_.front();
            static_cast<std::optional<T>*>(receiver.value)->emplace(std::move(value));
            release(receiver);
            return Done::yes;
        }
        if (size_ == slots_.size()) {
            return Done::not_yet;
        }
        keep(value);
        return Done::yes;
    }

    Done get(std::optional<T>& place, const Lock& /*held*/) noexcept {
        if (size_ > 0) {
            std::optional<T>& slot = slots_[first_];
            place.emplace(*std::move(slot));
            slot.reset();
            first_ = first_ + 1 == slots_.size() ? 0 : first_ + 1;
            --size_;
            if (!senders_.empty()) {
                keep(*static_cast<T*>(senders_.front().value));
                accept();
            }
            return Done::yes;
        }
        if (!senders_.empty()) {
            place.emplace(std::move(*static_cast<T*>(senders_.front().value)));
            accept();
            return Done::yes;
        }
        return closed_ ? Done::closed : Done::not_yet;
    }

    /// The value of the longest waiter has been moved.
    void accept() noexcept {
        senders_.front().done = true;
        release(senders_.front());
    }

    void keep(T& value) noexcept {
        const std::size_t last = first_ + size_;
        slots_[last < slots_.size() ? last : last - slots_.size()].emplace(std::move(value));
        ++size_;
    }

    mutable std::mutex mutex_;
    std::vector<std::optional<T>> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    bool closed_ = false;
    IntrusiveList<Waiter> senders_;
    IntrusiveList<Waiter> receivers_;
};

}  // namespace coloop
