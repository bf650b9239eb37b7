// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/channel.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/channel_peers.hpp"
#include "support/effort.hpp"
#include "support/explore.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// A random history of senders and receivers that come, are cancelled, and find the channel closed
/// in the end: each value must come out once, or else be still the sender's.
class ChannelStress {
public:
    explicit ChannelStress(std::uint64_t seed) : random_(seed), channel_(random_.below(4)) {}

    bool run() {
        for (int step = 0; step < 60; ++step) {
            act();
        }
        channel_.close();
        run_ready();
        while (const auto left = channel_.try_receive()) {
            note(**left);
        }
        for (const auto& coroutine : coroutines_) {
            holds_ = holds_ && coroutine->done();
        }
        for (const int times : seen_) {
            holds_ = holds_ && times == 1;
        }
        return holds_ && channel_.size() == 0;
    }

private:
    using Value = std::unique_ptr<int>;

    void act() {
        switch (random_.below(9)) {
            case 0:
            case 1:
                start([this] { send_some(1 + random_.below(3)); });
                break;
            case 2:
            case 3:
                start([this] { receive_some(1 + random_.below(3)); });
                break;
            case 4:
                try_both();
                break;
            case 5:
            case 6:
                if (!coroutines_.empty()) {
                    coroutines_[random_.below(coroutines_.size())]->cancel();
                }
                break;
            default:
                run_ready();
        }
        holds_ = holds_ && channel_.size() <= channel_.capacity();
    }

    void start(std::function<void()> body) {
        coroutines_.push_back(std::make_unique<Cancellable>(std::move(body)));
    }

    Value make() {
        seen_.push_back(0);
        return std::make_unique<int>(static_cast<int>(seen_.size()) - 1);
    }

    void note(int value) { ++seen_[static_cast<std::size_t>(value)]; }

    void send_some(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            Value value = make();
            const int number = *value;
            if (!channel_.send(std::move(value), std::nothrow)) {
                holds_ = holds_ && value != nullptr && *value == number;
                note(number);
                return;
            }
            holds_ = holds_ && value == nullptr;
        }
    }

    void receive_some(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::optional<Value> value = channel_.receive();
            if (!value) {
                return;
            }
            note(**value);
        }
    }

    void try_both() {
        Value value = make();
        if (!channel_.try_send(std::move(value))) {
            note(*value);
        }
        if (const auto taken = channel_.try_receive()) {
            note(**taken);
        }
    }

    Random random_;
    Channel<Value> channel_;
    std::vector<int> seen_;
    std::vector<std::unique_ptr<Cancellable>> coroutines_;
    bool holds_ = true;
};

/// Two senders and two receivers begin, one of them is cancelled, the channel is closed and those
/// who were woken run, each once and in the order that `choices` says.
bool short_history_keeps_values(std::size_t capacity, Choices& choices) {
    Channel<std::unique_ptr<int>> channel(capacity);
    std::array<int, 2> seen{};
    std::array<std::unique_ptr<Cancellable>, 4> coroutines;
    const auto send = [&](std::size_t id) {
        auto value = std::make_unique<int>(static_cast<int>(id));
        if (!channel.send(std::move(value), std::nothrow)) {
            ++seen[static_cast<std::size_t>(*value)];  // its sender's still
        }
    };
    const auto receive = [&] {
        if (const auto value = channel.receive()) {
            ++seen[static_cast<std::size_t>(**value)];
        }
    };
    std::vector<std::function<void()>> actions;
    for (std::size_t id = 0; id < 4; ++id) {
        actions.emplace_back([&, id] {
            coroutines[id] =
                std::make_unique<Cancellable>([&, id] { id < 2 ? send(id) : receive(); });
        });
    }
    actions.emplace_back([&] {
        if (const auto& one = coroutines[choices.pick(4)]; one != nullptr) {
            one->cancel();
        }
    });
    actions.emplace_back([&] { channel.close(); });
    actions.emplace_back([] { run_ready(); });
    while (!actions.empty()) {
        const auto next =
            actions.begin() + static_cast<std::ptrdiff_t>(choices.pick(actions.size()));
        const std::function<void()> act = std::move(*next);
        actions.erase(next);
        act();
    }
    run_ready();
    while (const auto left = channel.try_receive()) {
        ++seen[static_cast<std::size_t>(**left)];
    }
    return seen == std::array{1, 1} && std::all_of(coroutines.begin(), coroutines.end(),
                                                   [](const auto& one) { return one->done(); });
}

}  // namespace

TEST_SUITE("Channel and cancellation") {
    TEST_CASE("a cancelled coroutine does not wait to send or receive, but does what it can") {
        Channel<int> channel(1);
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            channel.send(1);
            const Result<void> sent = channel.send(2, std::nothrow);
            CHECK(sent.error().code() == Errc::cancelled);
            CHECK_THROWS_AS(channel.send(3), Cancelled);
            CHECK(channel.receive() == 1);
            const auto received = channel.receive(std::nothrow);
            CHECK(received.error().code() == Errc::cancelled);
            static_cast<void>(channel.receive());
        });
        CHECK(coroutine.cut_short());
        CHECK(channel.size() == 0);
    }

    TEST_CASE(
        "a sender that is cancelled while it waits keeps its value, and the next one's goes") {
        Channel<std::unique_ptr<int>> channel;
        auto value = std::make_unique<int>(1);
        Cancellable cancelled([&] { channel.send(std::move(value)); });
        Cancellable next([&] { channel.send(std::make_unique<int>(2)); });
        cancelled.cancel();
        CHECK(**channel.try_receive() == 2);
        run_ready();
        CHECK(cancelled.cut_short());
        REQUIRE(value != nullptr);
        CHECK(*value == 1);
        CHECK(next.done());
    }

    TEST_CASE("a receiver that is cancelled while it waits takes no value, the next one gets it") {
        Channel<int> channel;
        Cancellable cancelled([&] { static_cast<void>(channel.receive()); });
        std::string seen;
        auto next = reader(channel, seen);
        cancelled.cancel();
        CHECK(channel.try_send(1));
        CHECK_FALSE(channel.try_send(2));
        run_ready();
        CHECK(cancelled.cut_short());
        CHECK(seen == "1");
        channel.close();
        run_ready();
    }

    TEST_CASE("a receiver that is cancelled after a value was given to it has the value") {
        Channel<std::unique_ptr<int>> channel;
        int seen = 0;
        Cancellable receives([&] {
            seen = **channel.receive();
            static_cast<void>(channel.receive());
        });
        CHECK(channel.try_send(std::make_unique<int>(5)));
        receives.cancel();
        run_ready();
        CHECK(seen == 5);
        CHECK(receives.cut_short());
    }

    TEST_CASE("a sender that is cancelled after its value was taken has sent it") {
        Channel<int> channel;
        bool sent = false;
        Cancellable sends([&] {
            channel.send(1);
            sent = true;
            channel.send(2);
        });
        CHECK(channel.try_receive() == 1);
        sends.cancel();
        run_ready();
        CHECK(sent);
        CHECK(sends.cut_short());
    }

    TEST_CASE("closed and cancelled in the same turn, the first counts") {
        for (const bool close_first : {false, true}) {
            CAPTURE(close_first);
            Channel<int> channel(1);
            CHECK(channel.try_send(0));
            std::string sent;
            auto sends = sender(channel, sent, 1);
            Channel<int> empty;
            std::string seen;
            auto receives = reader(empty, seen);
            const auto close = [&] {
                channel.close();
                empty.close();
            };
            close_first ? close() : void();
            sends->cancel();
            receives->cancel();
            close();
            run_ready();
            CHECK(sent == (close_first ? "!" : "?"));
            CHECK(seen == (close_first ? "." : ""));
            CHECK(receives->cut_short() != close_first);
        }
    }

    TEST_CASE("inside a shield a sender and a receiver wait on") {
        Channel<int> channel;
        std::optional<int> value;
        const auto shielded = [](auto body) {
            return std::make_unique<Cancellable>([body] {
                const CancelScope shield(CancelScope::Kind::shield);
                body();
            });
        };
        auto receives = shielded([&] { value = channel.receive(); });
        receives->cancel();
        run_ready();
        CHECK_FALSE(receives->done());
        CHECK(channel.try_send(1));
        auto sends = shielded([&] { channel.send(2); });
        sends->cancel();
        run_ready();
        CHECK(value == 1);
        CHECK_FALSE(sends->done());
        CHECK(channel.try_receive() == 2);
        run_ready();
        CHECK(sends->done());
    }

    TEST_CASE("no order of two senders, two receivers, cancelling and closing loses a value") {
        for (const std::size_t capacity : {0U, 1U}) {
            CAPTURE(capacity);
            explore([&](Choices& choices) {
                if (!short_history_keeps_values(capacity, choices)) {
                    FAIL_CHECK("a value was lost in the order " << choices.text());
                }
            });
        }
    }

    TEST_CASE("whatever is cancelled or closed when, no value is lost or delivered twice") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(ChannelStress(seed).run());
        }
    }
}
