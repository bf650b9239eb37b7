// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/channel.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/channel_peers.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

static_assert(!std::is_copy_constructible_v<Channel<int>>);
static_assert(std::ranges::input_range<Channel<int>>);
static_assert(std::ranges::input_range<Channel<std::unique_ptr<int>>>);

TEST_SUITE("Channel") {
    TEST_CASE("without capacity a send returns when its value was received, either being first") {
        Channel<int> channel;
        CHECK(channel.capacity() == 0);
        std::string order;
        Cancellable sends([&] {
            channel.send(1);
            order += 's';
            channel.send(2);
            order += 'S';
        });
        CHECK(order.empty());
        Cancellable receives([&] {
            CHECK(channel.receive() == 1);
            order += 'r';
            CHECK(channel.receive() == 2);
            order += 'R';
        });
        CHECK(order == "rsSR");
        CHECK(channel.size() == 0);
    }

    TEST_CASE("a value goes straight to a receiver that waits, and its sender does not wait") {
        Channel<int> channel;
        std::optional<int> value;
        Cancellable receives([&] { value = channel.receive(); });
        Cancellable sends([&] {
            channel.send(1);
            CHECK_FALSE(value.has_value());
        });
        CHECK(value == 1);
        CHECK(sends.done());
    }

    TEST_CASE("a channel keeps as many values as its capacity, and then senders wait") {
        Channel<int> channel(2);
        std::string sent;
        auto a = sender(channel, sent, 1);
        auto b = sender(channel, sent, 2);
        auto c = sender(channel, sent, 3);
        auto d = sender(channel, sent, 4);
        CHECK(sent == "12");
        CHECK(channel.size() == 2);
        CHECK(channel.try_receive() == 1);
        CHECK(channel.size() == 2);
        run_ready();
        CHECK(sent == "123");
        std::string seen;
        auto r = reader(channel, seen);
        CHECK(seen == "234");
        CHECK(sent == "1234");
        channel.close();
        run_ready();
    }

    TEST_CASE("receivers get values in the order in which they began to wait") {
        Channel<int> channel;
        std::string order;
        const auto receiver = [&](char letter) {
            return std::make_unique<Cancellable>(
                [&, letter] { order += letter + std::to_string(*channel.receive()); });
        };
        auto a = receiver('a');
        auto b = receiver('b');
        auto c = receiver('c');
        std::string sent;
        auto s = sender(channel, sent, 1);
        auto t = sender(channel, sent, 2);
        CHECK(channel.try_send(3));
        run_ready();
        CHECK(order == "a1b2c3");
    }

    TEST_CASE("a ring of values keeps its order however often it goes round") {
        Channel<int> channel(3);
        std::string seen;
        for (int i = 0; i < 10; ++i) {
            CHECK(channel.try_send(i));
            if (i % 2 == 1) {
                seen += std::to_string(*channel.try_receive());
                seen += std::to_string(*channel.try_receive());
            }
        }
        CHECK(seen == "0123456789");
    }

    TEST_CASE("a loop over a channel ends when that is closed and drained") {
        Channel<int> channel(2);
        CHECK(channel.try_send(1));
        CHECK(channel.try_send(2));
        channel.close();
        channel.close();
        CHECK(channel.closed());
        std::string seen;
        auto r = reader(channel, seen);
        CHECK(seen == "12.");
        CHECK_FALSE(channel.try_receive().has_value());
    }

    TEST_CASE("several loops over one channel share its values and all end") {
        Channel<int> channel;
        std::string seen;
        auto a = reader(channel, seen);
        auto b = reader(channel, seen);
        Cancellable sends([&] {
            for (int i = 1; i <= 4; ++i) {
                channel.send(i);
            }
            channel.close();
        });
        std::sort(seen.begin(), seen.end());
        CHECK(seen == "..1234");
    }

    TEST_CASE("closing refuses senders, those too that wait, and they keep their values") {
        Channel<std::unique_ptr<int>> channel;
        auto value = std::make_unique<int>(7);
        std::string text;
        Cancellable waiting([&] {
            try {
                channel.send(std::move(value));
            } catch (const Error& error) {
                text = error.what();
            }
        });
        channel.close();
        run_ready();
        CHECK(text == "send to a channel: closed");
        REQUIRE(value != nullptr);
        CHECK(*value == 7);

        CHECK_FALSE(channel.try_send(std::move(value)));
        Cancellable late([&] {
            const Result<void> result = channel.send(std::move(value), std::nothrow);
            REQUIRE_FALSE(result);
            CHECK(result.error().code() == Errc::closed);
        });
        CHECK(late.done());
        CHECK(value != nullptr);
    }

    TEST_CASE("a value that can only be moved, and neither made nor assigned, is handed on") {
        struct Job {
            explicit Job(int id) : number(std::make_unique<int>(id)) {}

            const int unassignable = 0;
            std::unique_ptr<int> number;

            Job(Job&& other) noexcept : number(std::move(other.number)) {}
        };

        for (const std::size_t capacity : {0U, 1U, 3U}) {
            CAPTURE(capacity);
            Channel<Job> channel(capacity);
            std::string seen;
            Cancellable receives([&] {
                for (Job job : channel) {
                    seen += std::to_string(*job.number);
                }
            });
            Cancellable sends([&] {
                for (int i = 0; i < 5; ++i) {
                    channel.send(Job(i));
                }
                channel.close();
            });
            run_ready();
            CHECK(seen == "01234");
        }
    }

    TEST_CASE("what is sent as an lvalue is copied, and what is refused is not touched") {
        Channel<std::string> channel(1);
        const std::string text = "a text that is too long for the object itself";
        std::string other = text;
        CHECK(channel.try_send(other));
        CHECK(other == text);
        CHECK_FALSE(channel.try_send(std::move(other)));
        CHECK(other == text);  // NOLINT(bugprone-use-after-move): that is the promise
        CHECK(channel.try_receive() == text);
        CHECK(channel.try_send(std::move(other)));
        CHECK(other.empty());  // NOLINT(bugprone-use-after-move)
    }

    TEST_CASE("the try forms never wait, and work outside coroutines") {
        Channel<int> channel;
        CHECK_FALSE(channel.try_send(1));
        CHECK_FALSE(channel.try_receive().has_value());
        std::string sent;
        auto waiting = sender(channel, sent, 2);
        CHECK(channel.try_receive() == 2);
        std::string seen;
        auto receives = reader(channel, seen);
        CHECK(channel.try_send(3));
        channel.close();
        CHECK_FALSE(channel.try_send(4));
        run_ready();
        CHECK(seen == "3.");
    }

    TEST_CASE("values left in a channel are destroyed with it") {
        auto value = std::make_shared<int>(1);
        {
            Channel<std::shared_ptr<int>> channel(2);
            CHECK(channel.try_send(value));
            CHECK(value.use_count() == 2);
        }
        CHECK(value.use_count() == 1);
    }

    TEST_CASE("an unbuffered hop costs one wake") {
        Channel<int> channel;
        constexpr int hops = 1'000;
        Coroutine receives([&] {
            for (int i = 0; i < hops; ++i) {
                static_cast<void>(channel.receive());
            }
        });
        bool go = false;
        CoQueue start;
        Coroutine sends([&] {
            start.wait();
            go = true;
            for (int i = 0; i < hops; ++i) {
                channel.send(i);
            }
        });
        receives.enter();
        sends.enter();
        start.wake_one();
        CHECK(run_ready() <= hops + 1);
        CHECK(receives.done());
        CHECK(sends.done());
    }

    TEST_CASE("waiting at a channel outside a coroutine is misuse") {
        expect_misuse([] { Channel<int>().send(1); },
                      "cannot wait (send to a channel) outside a coroutine");
        expect_misuse([] { static_cast<void>(Channel<int>().receive()); },
                      "cannot wait (receive from a channel) outside a coroutine");
    }

    TEST_CASE("destroying a channel at which a coroutine waits is misuse") {
        const auto destroy = [](auto wait) {
            auto channel = std::make_unique<Channel<int>>();
            const Cancellable waiter([&] { wait(*channel); }, "waiter");
            channel.reset();
        };
        expect_misuse(
            [&] { destroy([](auto& channel) { channel.send(1); }); },
            "a Channel was destroyed while coroutine \"waiter\" waits: send to a channel");
        expect_misuse([&] { destroy([](auto& channel) { channel.receive(); }); },
                      "a Channel was destroyed while coroutine \"waiter\" waits: receive from");
    }
}
