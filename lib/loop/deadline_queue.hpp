// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <coloop/deadline.hpp>

namespace coloop {

/// Deadlines in the order in which they pass: a four-ary heap, which touches fewer cache lines than
/// a binary one. Equal ones keep the order in which they were added.
class DeadlineQueue {
public:
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }

    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

    /// When the next one passes; there must be one.
    [[nodiscard]] std::uint64_t next() const noexcept { return heap_.front().when; }

    void add(Deadline& deadline, std::uint64_t when);

    /// Takes out one that is in the queue.
    void remove(Deadline& deadline) noexcept;

    /// Takes out those that have passed at `now` and expires them; returns how many.
    std::size_t expire(std::uint64_t now);

private:
    struct Entry {
        std::uint64_t when;
        std::uint64_t order;
        Deadline* deadline;

        [[nodiscard]] bool before(const Entry& other) const noexcept {
            return when != other.when ? when < other.when : order < other.order;
        }
    };

    void place(std::size_t index, const Entry& entry) noexcept;
    void sift_up(std::size_t index, const Entry& entry) noexcept;
    void sift_down(std::size_t index, const Entry& entry) noexcept;

    std::vector<Entry> heap_;
    std::uint64_t order_ = 0;
};

}  // namespace coloop
