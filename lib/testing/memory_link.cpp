// SPDX-License-Identifier: MIT
#include "testing/memory_link.hpp"

#include <algorithm>
#include <mutex>
#include <system_error>

#include <coloop/clock.hpp>
#include <coloop/error.hpp>
#include <coloop/sleep.hpp>
#include <coloop/timeout.hpp>

namespace coloop::testing {

Error MemoryWay::reading_error(std::error_code code) const {
    return {code, "read", receiver_.describe()};
}

Error MemoryWay::writing_error(std::error_code code) const {
    return {code, "write", sender_.describe()};
}

Result<std::size_t> MemoryWay::read(std::span<std::byte> buffer) noexcept {
    if (Wait::already_cancelled()) {
        return reading_error(make_error_code(Errc::cancelled));
    }
    if (receiver_closed_) {
        return reading_error(make_error_code(Errc::closed));
    }
    if (reading_) {
        return reading_error(std::make_error_code(std::errc::device_or_resource_busy));
    }
    if (buffer.empty()) {
        return std::size_t{0};
    }
    reading_ = true;
    Result<std::size_t> result = wait_and_read(buffer);
    reading_ = false;
    return result;
}

Result<std::size_t> MemoryWay::wait_and_read(std::span<std::byte> buffer) noexcept {
    for (;;) {
        if (receiver_closed_) {
            return reading_error(make_error_code(Errc::closed));
        }
        if (reset_) {
            return reading_error(std::make_error_code(std::errc::connection_reset));
        }
        if (has_arrived()) {
            return take(buffer);
        }
        if (has_ended()) {
            return std::size_t{0};
        }
        if (!wait_readable()) {
            return reading_error(make_error_code(Errc::cancelled));
        }
    }
}

bool MemoryWay::has_arrived() const noexcept {
    return !stalled_ && !packets_.empty() && packets_.front().arrives <= monotonic_clock().now();
}

bool MemoryWay::has_ended() const noexcept {
    return !stalled_ && ended_ && packets_.empty() && end_arrives_ <= monotonic_clock().now();
}

/// Waits until something has happened or arrives; false if cancelled.
bool MemoryWay::wait_readable() noexcept {
    if (stalled_ || (packets_.empty() && !ended_)) {
        return readable_.wait(std::nothrow);
    }
    const std::int64_t when = packets_.empty() ? end_arrives_ : packets_.front().arrives;
    TimeoutScope arrival(TimeoutScope::Until{when});
    return readable_.wait(std::nothrow) || (arrival.expired() && arrival.absorbs());
}

std::size_t MemoryWay::take(std::span<std::byte> buffer) noexcept {
    const std::size_t most = std::min(buffer.size(), options_.longest_read);
    std::size_t count = 0;
    while (count < most && has_arrived()) {
        Packet& packet = packets_.front();
        const std::size_t part = std::min(most - count, packet.bytes.size() - packet.taken);
        std::copy_n(packet.bytes.data() + packet.taken, part, buffer.data() + count);
        count += part;
        packet.taken += part;
        if (packet.taken == packet.bytes.size()) {
            packets_.pop_front();
        }
    }
    under_way_ -= count;
    writable_.wake_all();
    return count;
}

Result<void> MemoryWay::may_write() const noexcept {
    if (sender_closed_) {
        return writing_error(make_error_code(Errc::closed));
    }
    if (reset_) {
        return writing_error(std::make_error_code(std::errc::connection_reset));
    }
    if (ended_ || receiver_closed_) {
        return writing_error(std::make_error_code(std::errc::broken_pipe));
    }
    return {};
}

Result<void> MemoryWay::write(std::span<const std::span<const std::byte>> pieces,
                              bool& begun) noexcept {
    if (Wait::already_cancelled()) {
        return writing_error(make_error_code(Errc::cancelled));
    }
    Result<void> result = may_write();
    if (!result) {
        return result;
    }
    try {
        const std::lock_guard lock(turn_);
        begun = true;
        for (std::size_t i = 0; i < pieces.size() && result; ++i) {
            result = write_piece(pieces[i]);
        }
    } catch (const Cancelled&) {
        return writing_error(make_error_code(Errc::cancelled));
    }
    return result;
}

/// Throws Cancelled.
Result<void> MemoryWay::write_piece(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (Result<void> allowed = may_write(); !allowed) {
            return allowed;
        }
        const std::size_t room = options_.capacity - under_way_;
        if (room == 0) {
            writable_.wait();
            continue;
        }
        const auto part = bytes.first(std::min({room, bytes.size(), options_.longest_write}));
        packets_.push_back(
            {{part.begin(), part.end()}, 0, monotonic_clock().now() + options_.latency.count()});
        under_way_ += part.size();
        readable_.wake_one();
        bytes = bytes.subspan(part.size());
        if (!bytes.empty() && part.size() == options_.longest_write) {
            co_sleep_ns(0);
        }
    }
    return {};
}

Result<void> MemoryWay::end() noexcept {
    try {
        check_cancelled();
        const std::lock_guard lock(turn_);
        if (sender_closed_) {
            return Error(make_error_code(Errc::closed), "shut down", sender_.describe());
        }
        if (ended_ || reset_) {
            return Error(std::make_error_code(std::errc::not_connected), "shut down",
                         sender_.describe());
        }
        finish();
        return {};
    } catch (const Cancelled&) {
        return Error(make_error_code(Errc::cancelled), "shut down", sender_.describe());
    }
}

void MemoryWay::close_sender() noexcept {
    sender_closed_ = true;
    finish();
}

/// What was sent arrives, then the end.
void MemoryWay::finish() noexcept {
    if (!ended_) {
        ended_ = true;
        end_arrives_ = monotonic_clock().now() + options_.latency.count();
    }
    writable_.wake_all();
    readable_.wake_all();
}

void MemoryWay::close_receiver() noexcept {
    receiver_closed_ = true;
    packets_.clear();
    under_way_ = 0;
    writable_.wake_all();
    readable_.wake_all();
}

void MemoryWay::reset() noexcept {
    reset_ = true;
    packets_.clear();
    under_way_ = 0;
    writable_.wake_all();
    readable_.wake_all();
}

void MemoryWay::resume() noexcept {
    stalled_ = false;
    readable_.wake_all();
}

}  // namespace coloop::testing
