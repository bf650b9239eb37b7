// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <coloop/export.hpp>

namespace coloop {

/// Something that coroutines can sleep by. All members belong to the sleepers' thread.
///
/// The three kinds are those of QEMU: monotonic (rt_clock), wall (host_clock), and virtual ones
/// that can stand still (vm_clock).
class COLOOP_EXPORT Clock {
public:
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;

    /// Nanoseconds since the clock's origin.
    [[nodiscard]] virtual std::int64_t now() const noexcept = 0;

protected:
    Clock() = default;
    ~Clock() = default;

private:
    friend void sleep_by(Clock& clock, std::int64_t when);

    /// Waits until the clock may show `when`, at the most; false if cancelled.
    virtual bool wait_towards(std::int64_t when) noexcept = 0;
};

/// Runs always and evenly, from an arbitrary origin; the loop's own clock.
[[nodiscard]] COLOOP_EXPORT Clock& monotonic_clock() noexcept;

/// The time of day, since 1970 in UTC. When somebody sets it, sleepers notice within a second.
[[nodiscard]] COLOOP_EXPORT Clock& wall_clock() noexcept;

/// A clock that runs with the monotonic one while it is not paused, and can be moved forward. It
/// ends at the largest number.
/// Must outlive its sleepers.
class COLOOP_EXPORT VirtualClock final : public Clock {
public:
    enum class State : bool { paused, running };

    /// Shows zero.
    explicit VirtualClock(State state = State::running);

    /// Misuse while somebody sleeps by it.
    ~VirtualClock();

    [[nodiscard]] std::int64_t now() const noexcept override;

    /// Stops the clock; its sleepers sleep on until resume() or advance().
    void pause() noexcept;

    /// Lets it run on from where it stands.
    void resume() noexcept;

    /// Moves it forward; those whose time has come wake, in the order of their deadlines. Misuse
    /// if negative: a clock does not go back.
    void advance(std::int64_t nanoseconds) noexcept;

private:
    class Sleep;
    struct Sleepers;

    bool wait_towards(std::int64_t when) noexcept override;
    [[nodiscard]] std::int64_t at(std::int64_t monotonic) const noexcept;
    void change(std::int64_t leap, State state) noexcept;

    std::int64_t shown_ = 0;  // when it was last paused, resumed or advanced
    std::int64_t since_;      // the monotonic time of that
    State state_;
    std::unique_ptr<Sleepers> sleepers_;
};

}  // namespace coloop
