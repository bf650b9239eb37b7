// SPDX-License-Identifier: MIT
//
// What channels, locks, cancel scopes and timeouts cost.
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include <coloop/cancel_scope.hpp>
#include <coloop/channel.hpp>
#include <coloop/co_mutex.hpp>
#include <coloop/loop.hpp>
#include <coloop/select.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/tcp.hpp>
#include <coloop/timeout.hpp>

#include "bench.hpp"

namespace {

using bench::Run;
using namespace std::chrono_literals;

template <typename Function>
void on_loop(Function function) {
    coloop::Loop loop;
    loop.spawn(function);
    loop.run();
}

/// Numbers through a channel.
template <std::size_t capacity>
void channel(Run& run) {
    on_loop([&] {
        run.measure([&](long count) {
            coloop::Channel<long> numbers(capacity);
            long sum = 0;
            coloop::TaskGroup group;
            group.spawn([&] {
                for (const long number : numbers) {
                    sum += number;
                }
            });
            for (long i = 0; i < count; ++i) {
                numbers.send(i);
            }
            numbers.close();
            group.wait();
            bench::check(sum == count * (count - 1) / 2, "each number arrived");
        });
    });
}

/// Numbers from whichever of two channels has one.
void select(Run& run) {
    on_loop([&] {
        run.measure([&](long count) {
            coloop::Channel<long> even;
            coloop::Channel<long> odd;
            long sum = 0;
            coloop::TaskGroup group;
            group.spawn([&] {
                const auto add = [&](std::optional<long> number) { sum += *number; };
                for (long i = 0; i < count; ++i) {
                    coloop::select(coloop::receive(even, add), coloop::receive(odd, add));
                }
            });
            for (long i = 0; i < count; ++i) {
                (i % 2 == 0 ? even : odd).send(i);
            }
            group.wait();
            bench::check(sum == count * (count - 1) / 2, "each number arrived");
        });
    });
}

void mutex(Run& run) {
    on_loop([&] {
        coloop::CoMutex mutex;
        run.measure([&](long count) {
            for (long i = 0; i < count; ++i) {
                mutex.lock();
                mutex.unlock();
            }
        });
    });
}

/// Two that each hold the lock while the other one gets in line.
void mutex_contended(Run& run) {
    on_loop([&] {
        coloop::CoMutex mutex;
        run.measure([&](long count) {
            long locked = 0;
            coloop::TaskGroup group;
            for (int worker = 0; worker < 2; ++worker) {
                group.spawn([&] {
                    for (long i = 0; i < count / 2; ++i) {
                        mutex.lock();
                        ++locked;
                        mutex.unlock();  // hands it to the other one, who is in line
                    }
                });
            }
            mutex.lock();
            coloop::co_sleep_ns(0);  // now both are in line
            mutex.unlock();
            group.wait();
            bench::check(locked == count / 2 * 2, "each locking happened");
        });
    });
}

void scope(Run& run) {
    on_loop([&] {
        run.measure([](long count) {
            for (long i = 0; i < count; ++i) {
                const coloop::CancelScope scope;
                bench::keep(scope);
            }
        });
    });
}

void timeout(Run& run) {
    on_loop([&] {
        long called = 0;
        run.measure([&](long count) {
            for (long i = 0; i < count; ++i) {
                coloop::with_timeout(1s, [&called] { ++called; });
            }
        });
        bench::check(called >= run.operations(), "each function was called");
    });
}

/// One byte through a socket for each operation, which the reader must wait for.
template <bool with_timeout>
void read(Run& run) {
    on_loop([&] {
        coloop::TcpListener listener("127.0.0.1", 0);
        coloop::TcpStream near = coloop::TcpStream::connect(listener.local_address());
        coloop::TcpStream far = listener.accept();
        std::array<std::byte, 64> buffer;
        coloop::TaskGroup group;
        group.spawn([&] {
            while (near.read(buffer) != 0) {
                near.write("x");
            }
        });
        run.measure([&](long count) {
            std::array<std::byte, 64> answer;
            for (long i = 0; i < count; ++i) {
                far.write("x");
                std::size_t length = 0;
                if constexpr (with_timeout) {
                    length = coloop::with_timeout(1s, [&] { return far.read(answer); });
                } else {
                    length = far.read(answer);
                }
                bench::check(length == 1, "one byte comes back");
            }
        });
        far.close();
    });
}

constexpr bench::Test tests[] = {
    {"channel", channel<0>},
    {"channel-buffered", channel<100>},
    {"select", select},
    {"mutex", mutex},
    {"mutex-contended", mutex_contended},
    {"scope", scope},
    {"timeout", timeout},
    {"read", read<false>},
    {"read-timeout", read<true>},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }
