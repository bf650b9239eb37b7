// SPDX-License-Identifier: MIT
//
// Producers and consumers twice: with a lock and two queues, and with a channel.
#include <deque>
#include <mutex>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

template <typename T>
class BoundedBuffer {
public:
    explicit BoundedBuffer(std::size_t capacity) : capacity_(capacity) {}

    void put(T item) {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [&] { return items_.size() < capacity_; });
        items_.push_back(std::move(item));
        not_empty_.wake_one();
    }

    T take() {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return !items_.empty(); });
        T item = std::move(items_.front());
        items_.pop_front();
        not_full_.wake_one();
        return item;
    }

private:
    const std::size_t capacity_;
    std::deque<T> items_;
    coloop::CoMutex mutex_;
    coloop::CoQueue not_full_;
    coloop::CoQueue not_empty_;
};

void sum_through_a_buffer() {
    BoundedBuffer<int> jobs(16);
    int sum = 0;
    coloop::TaskGroup group;
    group.spawn([&] {
        for (int job = 1; job <= 100; ++job) {
            jobs.put(job);
        }
    });
    for (int worker = 0; worker < 4; ++worker) {
        group.spawn([&] {
            for (int i = 0; i < 25; ++i) {
                sum += jobs.take();
            }
        });
    }
    group.wait();
    fmt::print("{}\n", sum);
}

void sum_with_four_workers() {
    coloop::Channel<int> jobs(16);
    int sum = 0;
    coloop::TaskGroup group;
    group.spawn([&] {
        for (int job = 1; job <= 100; ++job) {
            jobs.send(job);
        }
        jobs.close();
    });
    for (int worker = 0; worker < 4; ++worker) {
        group.spawn([&] {
            for (int job : jobs) {  // ends when the channel is closed and drained
                sum += job;
            }
        });
    }
    group.wait();
    fmt::print("{}\n", sum);
}

int main() {
    return coloop::run([] {
        sum_through_a_buffer();
        sum_with_four_workers();
    });
}
