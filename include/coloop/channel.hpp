// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <coloop/co_queue.hpp>
#include <coloop/error.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// The input iterator of Channel and LoopChannel: receives as it goes on; what receive() throws, it
/// throws.
template <typename Source, typename T>
class ReceiveIterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit ReceiveIterator(Source& source) : source_(&source) { ++*this; }

    /// The value, to be moved from.
    T&& operator*() const noexcept { return *std::move(value_); }

    ReceiveIterator& operator++() {
        value_.reset();
        source_->receive_into(value_);
        return *this;
    }

    void operator++(int) { ++*this; }

    friend bool operator==(const ReceiveIterator& iterator,
                           std::default_sentinel_t /*end*/) noexcept {
        return !iterator.value_.has_value();
    }

private:
    Source* source_;
    mutable std::optional<T> value_;
};

/// Values on their way between coroutines of one thread, in the order in which they were sent.
///
///     coloop::Channel<Job> jobs(16);
///     group.spawn([&] { for (Job job : jobs) { work(job); } });  // ends when closed and drained
///     jobs.send(next_job());
///     jobs.close();
///
/// Up to `capacity` values are kept; a sender that finds no room waits, a receiver that finds no
/// value waits, both in the order of asking. With a capacity of zero sender and receiver meet: send
/// does not return before the value was received. A value goes straight from the sender to a
/// receiver that waits.
///
/// None is lost or delivered twice, whatever is cancelled: a send that throws has not touched its
/// value, and a receiver that a value was given to returns it even if it is cancelled before it
/// runs. Sending and receiving look at cancellation only where they have to wait.
///
/// Never allocates but for its capacity, at once. Destroying a Channel destroys the values in it,
/// and is misuse while somebody waits. Modelled on Go's channels and Trio's.
template <typename T>
class Channel {
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "a value that may have been promised to a receiver must move without throwing; "
                  "send a std::unique_ptr to it instead");

public:
    explicit Channel(std::size_t capacity = 0) : slots_(capacity) {}

    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    ~Channel() {
        senders_.require_unused("a Channel");
        receivers_.require_unused("a Channel");
    }

    /// Sends the value, after waiting for room or a receiver if need be.
    ///
    /// Throws Error (Errc::closed) if the channel is closed, before or meanwhile; whoever may find
    /// it so in the course of things uses the form that returns the error. Throws Cancelled if the
    /// coroutine is cancelled before or while it waits. Either way `value` is still the caller's.
    void send(T&& value) {
        switch (deliver(value)) {
            case Sent::yes:
                return;
            case Sent::closed:
                closed_error().raise();
            case Sent::cancelled:
                throw Cancelled();
        }
    }

    /// Sends a copy.
    void send(const T& value) requires std::copy_constructible<T> { send(T(value)); }

    /// The same; returns the Error.
    Result<void> send(T&& value, std::nothrow_t /*tag*/) noexcept {
        switch (deliver(value)) {
            case Sent::yes:
                break;
            case Sent::closed:
                return closed_error();
            case Sent::cancelled:
                return Error(Errc::cancelled, "send to a channel");
        }
        return {};
    }

    Result<void> send(const T& value, std::nothrow_t tag) requires std::copy_constructible<T> {
        return send(T(value), tag);
    }

    /// Sends the value if that is possible at once; never waits. False if there is no room, or the
    /// channel is closed; `value` is then still the caller's. May be called outside coroutines.
    [[nodiscard]] bool try_send(T&& value) noexcept { return put(value); }

    [[nodiscard]] bool try_send(const T& value) requires std::copy_constructible<T> {
        return try_send(T(value));
    }

    /// Takes the next value, after waiting for it if need be; nullopt if the channel is closed and
    /// drained. Throws Cancelled if the coroutine is cancelled before or while it waits.
    std::optional<T> receive() {
        std::optional<T> value;
        receive_into(value);
        return value;
    }

    /// The same; returns the Error, which can only be that the coroutine is cancelled.
    Result<std::optional<T>> receive(std::nothrow_t /*tag*/) noexcept {
        std::optional<T> value;
        if (!get(value) && !wait_for_value(value)) {
            return Error(Errc::cancelled, "receive from a channel");
        }
        return value;
    }

    /// Takes the next value if there is one; never waits. May be called outside coroutines. When
    /// the channel is closed() and its size() is zero, none will come.
    [[nodiscard]] std::optional<T> try_receive() noexcept {
        std::optional<T> value;
        static_cast<void>(get(value));
        return value;
    }

    /// Ends the stream of values: receivers get what is left and then nullopt; senders are refused,
    /// those too that wait, and keep their values. May be called outside coroutines, and again.
    void close() noexcept {
        closed_ = true;
        senders_.wake_all();
        receivers_.wake_all();
    }

    [[nodiscard]] bool closed() const noexcept { return closed_; }

    /// How many values are kept, without those of senders that wait.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// How many values can be kept.
    [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

    using Iterator = ReceiveIterator<Channel, T>;

    /// Receives the first value. `for (Job job : jobs)` runs until the channel is closed and
    /// drained; several coroutines may do so at once, each value goes to one of them.
    [[nodiscard]] Iterator begin() { return Iterator(*this); }

    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

private:
    enum class Sent : std::uint8_t { yes, closed, cancelled };

    friend Iterator;
    template <typename, typename>
    friend class ReceiveCase;
    template <typename, typename>
    friend class SendCase;

    static Error closed_error() { return {Errc::closed, "send to a channel"}; }

    // A receiver that waits is tagged with the place for its value; a sender with the place of the
    // pointer to its value, which becomes null when that is taken.

    Sent deliver(T& value) noexcept {
        if (put(value)) {
            return Sent::yes;
        }
        if (closed_) {
            return Sent::closed;
        }
        T* offer = &value;
        if (!senders_.wait_as(reinterpret_cast<std::uintptr_t>(&offer), CoQueue::back)) {
            return Sent::cancelled;
        }
        return offer == nullptr ? Sent::yes : Sent::closed;
    }

    bool wait_for_value(std::optional<T>& value) noexcept {
        return receivers_.wait_as(reinterpret_cast<std::uintptr_t>(&value), CoQueue::back);
    }

    void receive_into(std::optional<T>& value) {
        if (!get(value) && !wait_for_value(value)) {
            throw Cancelled();
        }
    }

    [[nodiscard]] bool can_receive() const noexcept {
        return size_ > 0 || closed_ || !senders_.empty();
    }

    [[nodiscard]] bool can_send() const noexcept {
        return size_ < slots_.size() || closed_ || !receivers_.empty();
    }

    /// Hands the value over or keeps it; false if neither can be done now.
    bool put(T& value) noexcept {
        if (closed_) [[unlikely]] {
            return false;
        }
        if (!receivers_.empty()) {
            auto* place = reinterpret_cast<std::optional<T>*>(receivers_.first_tag());
            place->emplace(std::move(value));
            receivers_.wake_one();
            return true;
        }
        if (size_ == slots_.size()) {
            return false;
        }
        keep(value);
        return true;
    }

    /// Takes the next value into `place`, which is empty; false if one may come yet.
    bool get(std::optional<T>& place) noexcept {
        if (size_ > 0) {
            std::optional<T>& slot = slots_[first_];
            place.emplace(std::move(*slot));
            slot.reset();
            first_ = first_ + 1 == slots_.size() ? 0 : first_ + 1;
            --size_;
            if (!senders_.empty()) {
                keep(accept());
            }
            return true;
        }
        if (!senders_.empty()) {
            place.emplace(std::move(accept()));
            return true;
        }
        return closed_;
    }

    void keep(T& value) noexcept {
        const std::size_t last = first_ + size_;
        slots_[last < slots_.size() ? last : last - slots_.size()].emplace(std::move(value));
        ++size_;
    }

    /// The value of the longest waiter, which is woken; it does not run before its value is moved.
    T& accept() noexcept {
        T** offer = reinterpret_cast<T**>(senders_.first_tag());
        T& value = **offer;
        *offer = nullptr;
        senders_.wake_one();
        return value;
    }

    std::vector<std::optional<T>> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    bool closed_ = false;
    CoQueue senders_{"send to a channel"};
    CoQueue receivers_{"receive from a channel"};
};

}  // namespace coloop
