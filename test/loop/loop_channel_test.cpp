// SPDX-License-Identifier: MIT
//
// Values between threads. Run these under the thread sanitizer.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/call_on.hpp>
#include <coloop/loop_channel.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/loop_thread.hpp"
#include "support/random.hpp"
#include "support/run_in_loop.hpp"

using namespace std::chrono_literals;

using coloop::Bystander;
using coloop::call_on;
using coloop::checkpoint;
using coloop::expect_both;
using coloop::let_others_run;
using coloop::Loop;
using coloop::LoopChannel;
using coloop::LoopThread;
using coloop::run_in_loop;
using coloop::TaskGroup;

TEST_SUITE("LoopChannel") {
    TEST_CASE("brings values to another loop and back, in their order, whatever the capacity") {
        LoopThread other;
        for (const std::size_t capacity : {0U, 1U, 7U}) {
            run_in_loop([&] {
                LoopChannel<int> there(capacity);
                LoopChannel<std::unique_ptr<int>> back(capacity);
                CHECK(there.capacity() == capacity);
                TaskGroup group;
                group.spawn([&] {
                    call_on(other.loop(), [&] {
                        for (const int number : there) {
                            back.send(std::make_unique<int>(number * 2));
                        }
                        back.close();
                    });
                });
                group.spawn([&] {
                    for (int i = 0; i < 100; ++i) {
                        there.send(i);
                    }
                    there.close();
                });
                for (int i = 0; i < 100; ++i) {
                    const auto doubled = back.receive();
                    REQUIRE(doubled.has_value());
                    CHECK(**doubled == i * 2);
                }
                CHECK(!back.receive());
                group.wait();
            });
        }
    }

    TEST_CASE("many senders and receivers on several loops lose nothing and repeat nothing") {
        constexpr int senders = 4;
        constexpr int receivers = 4;
        constexpr int each = 500;
        LoopThread left;
        LoopThread right;
        run_in_loop([&] {
            LoopChannel<int> channel(3);
            std::vector<std::atomic<int>> seen(senders * each);
            TaskGroup sending;
            TaskGroup receiving;
            for (int s = 0; s < senders; ++s) {
                sending.spawn([&, s] {
                    call_on(s % 2 == 0 ? left.loop() : right.loop(), [&] {
                        for (int i = 0; i < each; ++i) {
                            channel.send(s * each + i);
                        }
                    });
                });
            }
            for (int r = 0; r < receivers; ++r) {
                receiving.spawn([&, r] {
                    call_on(r % 2 == 0 ? left.loop() : right.loop(), [&] {
                        while (const auto value = channel.receive()) {
                            ++seen[static_cast<std::size_t>(*value)];
                        }
                    });
                });
            }
            sending.wait();
            channel.close();
            receiving.wait();
            bool once = true;
            for (const auto& count : seen) {
                once = once && count == 1;
            }
            CHECK(once);
        });
    }

    TEST_CASE("threads without coroutines use it by the try forms") {
        constexpr int count = 2000;
        LoopChannel<int> there(16);
        LoopChannel<int> back(16);
        std::thread plain([&] {
            for (int received = 0; received < count;) {
                if (const auto value = there.try_receive()) {
                    while (!back.try_send(*value + 1)) {
                        std::this_thread::yield();
                    }
                    ++received;
                } else {
                    std::this_thread::yield();
                }
            }
        });
        run_in_loop([&] {
            TaskGroup group;
            group.spawn([&] {
                for (int i = 0; i < count; ++i) {
                    there.send(i);
                }
            });
            bool in_order = true;
            for (int i = 0; i < count; ++i) {
                in_order = in_order && back.receive() == i + 1;
            }
            CHECK(in_order);
            group.wait();
        });
        plain.join();
    }

    TEST_CASE("a sender waits for room, and try_send says that there is none") {
        run_in_loop([] {
            LoopChannel<std::string> channel(2);
            CHECK(channel.try_send("a"));
            channel.send("b");
            std::string third = "c";
            CHECK(!channel.try_send(std::move(third)));
            CHECK(third == "c");
            CHECK(channel.size() == 2);
            Bystander sender([&] { channel.send(std::move(third)); });
            CHECK(!sender.ended());
            CHECK(channel.try_receive() == "a");
            CHECK(sender.outcome().empty());
            CHECK(channel.receive() == "b");
            CHECK(channel.receive() == "c");
            CHECK(!channel.try_receive());
        });
    }

    TEST_CASE("close lets receivers have what is left, and refuses senders in both forms") {
        run_in_loop([] {
            LoopChannel<int> channel(1);
            channel.send(1);
            Bystander sender([&] { channel.send(2); });
            CHECK(!sender.ended());
            channel.close();
            channel.close();
            CHECK(channel.closed());
            CHECK(sender.outcome() == "send to a channel: closed");
            expect_both([&] { channel.send(3); }, [&] { return channel.send(3, std::nothrow); },
                        std::errc::bad_file_descriptor, "send to a channel: closed");
            CHECK(!channel.try_send(3));
            CHECK(channel.receive() == 1);
            CHECK(!channel.receive());
            CHECK(!channel.try_receive());

            LoopChannel<int> empty;
            Bystander receiver([&] { CHECK(!empty.receive()); });
            CHECK(!receiver.ended());
            empty.close();
            CHECK(receiver.outcome().empty());
        });
    }

    TEST_CASE("who is cancelled, before or while it waits, leaves the channel as it was") {
        run_in_loop([] {
            LoopChannel<std::unique_ptr<int>> channel;
            auto value = std::make_unique<int>(1);
            Bystander sender([&] { channel.send(std::move(value)); });
            sender.cancel();
            CHECK(sender.outcome() == "cancelled");
            REQUIRE(value != nullptr);
            CHECK(!channel.try_receive());
            Bystander receiver([&] { channel.receive(); });
            receiver.cancel();
            CHECK(receiver.outcome() == "cancelled");
            CHECK(!channel.try_send(std::move(value)));
            coloop::CancelScope scope;
            scope.cancel();
            CHECK_THROWS_AS(channel.receive(), coloop::Cancelled);
            CHECK_THROWS_AS(channel.send(std::move(value)), coloop::Cancelled);
            const auto sent = channel.send(std::move(value), std::nothrow);
            expect_error(sent, make_error_code(coloop::Errc::cancelled),
                         "send to a channel: cancelled");
            CHECK(*value == 1);
        });
    }

    TEST_CASE("a value that was given to a receiver counts, although that is cancelled then") {
        run_in_loop([] {
            LoopChannel<int> channel;
            std::optional<int> got;
            Bystander receiver([&] { got = channel.receive(); });
            CHECK(channel.try_send(1));
            receiver.cancel();
            CHECK(receiver.outcome().empty());
            CHECK(got == 1);
            Bystander sender([&] { channel.send(2); });
            CHECK(channel.try_receive() == 2);
            sender.cancel();
            CHECK(sender.outcome().empty());
        });
    }

    TEST_CASE("cancelled at any moment, from another thread or not, nothing is lost") {
        constexpr int values = 300;
        LoopThread other;
        run_in_loop([&] {
            LoopChannel<int> channel(1);
            TaskGroup group;
            group.spawn([&] {
                call_on(other.loop(), [&] {
                    coloop::Random random(3);
                    for (int i = 0; i < values;) {
                        const auto pause = std::chrono::nanoseconds(random.next() % 20'000);
                        if (coloop::move_on_after(pause, [&] { channel.send(i); })) {
                            ++i;
                        }
                    }
                    channel.close();
                });
            });
            coloop::Random random(4);
            int next = 0;
            bool in_order = true;
            for (bool open = true; open;) {
                const auto pause = std::chrono::nanoseconds(random.next() % 20'000);
                coloop::move_on_after(pause, [&] {
                    const auto value = channel.receive();
                    open = value.has_value();
                    in_order = in_order && (!open || *value == next++);
                });
            }
            CHECK(in_order);
            CHECK(next == values);
            group.wait();
        });
    }

    TEST_CASE("a loop that ends cancels those of its coroutines that wait, and no others") {
        LoopChannel<int> channel;
        LoopThread other;
        {
            auto doomed = std::make_unique<LoopThread>();
            for (int i = 0; i < 3; ++i) {
                doomed->loop().post(
                    [&, loop = &doomed->loop()] { loop->spawn([&] { channel.receive(); }); });
            }
            std::promise<void> waiting;
            doomed->loop().post(
                [&, loop = &doomed->loop()] { loop->spawn([&] { waiting.set_value(); }); });
            waiting.get_future().wait();
        }
        CHECK(!channel.try_send(1));
        run_in_loop([&] {
            TaskGroup group;
            group.spawn([&] { call_on(other.loop(), [&] { channel.send(2); }); });
            CHECK(channel.receive() == 2);
        });
    }

    TEST_CASE("a receiver may destroy it as soon as it has its value") {
        LoopThread other;
        run_in_loop([&] {
            for (int round = 0; round < 100; ++round) {
                auto channel = std::make_unique<LoopChannel<int>>();
                other.loop().post([&other, channel = channel.get()] {
                    other.loop().spawn([channel] { static_cast<void>(channel->try_send(1)); });
                });
                if (coloop::move_on_after(50us, [&] { channel->receive(); })) {
                    channel.reset();
                } else {
                    call_on(other.loop(), [] { let_others_run(); });
                }
            }
        });
    }

    TEST_CASE("using it in the wrong way is misuse") {
        coloop::expect_misuse(
            [] {
                LoopChannel<int> channel;
                channel.send(1);
            },
            "cannot send to a channel outside a coroutine; spawn one");
        coloop::expect_misuse(
            [] {
                run_in_loop([] {
                    auto channel = std::make_unique<LoopChannel<int>>();
                    const Bystander receiver([&] { channel->receive(); });
                    channel.reset();
                });
            },
            "a LoopChannel was destroyed while a coroutine waits to send to it or to receive");
    }
}
