// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coloop::testing {

/// Small, fast and the same everywhere: splitmix64.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }

private:
    std::uint64_t state_;
};

/// Where a run's choices come from.
class Schedule {
public:
    /// choose_ready(): nobody, the loop shall poll first.
    static constexpr std::size_t poll_first = static_cast<std::size_t>(-1);

    /// Which of `ready` coroutines runs next, counted in the order in which they became ready.
    virtual std::size_t choose_ready(std::size_t ready) noexcept = 0;

    /// A number below `options`, for a test that lets things other than the order vary.
    virtual std::size_t pick(std::size_t options) noexcept = 0;

    /// What is wrong with the run's choices; empty if nothing is.
    [[nodiscard]] virtual std::string_view complaint() const noexcept { return {}; }

protected:
    ~Schedule() = default;
};

/// The longest ready first, as loops do it outside tests.
class FifoSchedule final : public Schedule {
public:
    explicit FifoSchedule(std::uint64_t seed) noexcept : random_(seed) {}

    std::size_t choose_ready(std::size_t /*ready*/) noexcept override { return 0; }

    std::size_t pick(std::size_t options) noexcept override { return random_.below(options); }

private:
    Random random_;
};

/// Any, by a seed; now and then the loop polls although somebody is ready.
class ShuffledSchedule final : public Schedule {
public:
    explicit ShuffledSchedule(std::uint64_t seed) noexcept : random_(seed) {}

    std::size_t choose_ready(std::size_t ready) noexcept override {
        constexpr std::size_t polls_one_in = 8;
        return random_.below(polls_one_in) == 0 ? poll_first : random_.below(ready);
    }

    std::size_t pick(std::size_t options) noexcept override { return random_.below(options); }

private:
    Random random_;
};

/// One combination of choices after the other, depth first, until all were seen.
class ExploringSchedule final : public Schedule {
public:
    ExploringSchedule() = default;

    /// One combination only, as text() wrote it.
    explicit ExploringSchedule(std::string_view text);

    std::size_t choose_ready(std::size_t ready) noexcept override {
        return ready == 1 ? 0 : pick(ready);
    }

    std::size_t pick(std::size_t options) noexcept override;

    [[nodiscard]] std::string_view complaint() const noexcept override { return complaint_; }

    /// What was picked in this run: "0,2,1".
    [[nodiscard]] std::string text() const;

    /// Goes on to the next combination; false if there is none.
    bool advance();

private:
    struct Choice {
        std::size_t taken;
        std::size_t options;  // zero: not known yet
    };

    std::vector<Choice> path_;
    std::size_t depth_ = 0;
    std::string_view complaint_;
};

}  // namespace coloop::testing
