// SPDX-License-Identifier: MIT
#include "loop/deadline_queue.hpp"

#include <algorithm>

namespace coloop {

namespace {

constexpr std::size_t arity = 4;

}  // namespace

void DeadlineQueue::add(Deadline& deadline, std::uint64_t when) {
    const Entry entry{when, order_++, &deadline};
    heap_.push_back(entry);
    sift_up(heap_.size() - 1, entry);
}

void DeadlineQueue::remove(Deadline& deadline) noexcept {
    const std::size_t index = deadline.index_;
    deadline.index_ = Deadline::unset;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (last.deadline == &deadline) {
        return;
    }
    if (index > 0 && last.before(heap_[(index - 1) / arity])) {
        sift_up(index, last);
    } else {
        sift_down(index, last);
    }
}

std::size_t DeadlineQueue::expire(std::uint64_t now) {
    std::size_t count = 0;
    while (!heap_.empty() && heap_.front().when <= now) {
        Deadline& deadline = *heap_.front().deadline;
        remove(deadline);
        deadline.expire();
        ++count;
    }
    return count;
}

void DeadlineQueue::place(std::size_t index, const Entry& entry) noexcept {
    heap_[index] = entry;
    entry.deadline->index_ = index;
}

void DeadlineQueue::sift_up(std::size_t index, const Entry& entry) noexcept {
    while (index > 0) {
        const std::size_t parent = (index - 1) / arity;
        if (!entry.before(heap_[parent])) {
            break;
        }
        place(index, heap_[parent]);
        index = parent;
    }
    place(index, entry);
}

void DeadlineQueue::sift_down(std::size_t index, const Entry& entry) noexcept {
    for (;;) {
        const std::size_t first = index * arity + 1;
        if (first >= heap_.size()) {
            break;
        }
        const std::size_t end = std::min(first + arity, heap_.size());
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child) {
            if (heap_[child].before(heap_[least])) {
                least = child;
            }
        }
        if (!heap_[least].before(entry)) {
            break;
        }
        place(index, heap_[least]);
        index = least;
    }
    place(index, entry);
}

}  // namespace coloop
