// SPDX-License-Identifier: MIT
// What the page "Testing" shows, and the tests that it is about.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <mutex>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>
#include <coloop/memory_stream.hpp>
#include <coloop/testing.hpp>

using namespace std::chrono_literals;

namespace {

// ---- what is to be tested ----

/// Sends a question and returns the answer, a line. The server has an hour for it.
std::string ask(coloop::Stream& server, std::string_view question) {
    return coloop::with_timeout(1h, [&] {
        server.write(question);
        std::string answer;
        std::byte byte{};
        while (server.read({&byte, 1}) == 1 && byte != std::byte{'\n'}) {
            answer += static_cast<char>(byte);
        }
        return answer;
    });
}

/// Money, of which there must not be less than none.
class Account {
public:
    explicit Account(int money) : money_(money) {}

    bool withdraw(int amount) {
        const std::lock_guard guard(mutex_);
        if (money_ < amount) {
            return false;
        }
        coloop::checkpoint();  // stands for asking a bank
        money_ -= amount;
        return true;
    }

private:
    coloop::CoMutex mutex_;
    int money_;
};

}  // namespace

// ---- its tests ----

TEST_CASE("a server that says nothing is given up after an hour") {
    coloop::testing::run_test([] {
        auto server = coloop::testing::memory_stream_pair();
        CHECK_THROWS_AS(ask(server.near, "who?\n"), coloop::TimedOut);
    });
}

TEST_CASE("an answer may come late and byte by byte") {
    coloop::testing::run_test([] {
        auto server = coloop::testing::memory_stream_pair({.latency = 20min, .longest_read = 1});
        coloop::TaskGroup group;
        group.spawn([&] { server.far.write("me\n"); });
        CHECK(ask(server.near, "who?\n") == "me");
    });
}

TEST_CASE("nobody gets money that is not there") {
    coloop::testing::run_all_interleavings([] {
        Account account(100);
        int paid = 0;
        coloop::TaskGroup group;
        for (int i = 0; i < 2; ++i) {
            group.spawn([&] { paid += account.withdraw(70) ? 70 : 0; });
        }
        group.wait();
        REQUIRE(paid == 70);
    });
}

TEST_CASE("who is cancelled has got the money or has left it") {
    coloop::testing::cancel_at_every_step([](coloop::testing::Attempt& attempt) {
        Account account(100);
        int paid = 0;
        attempt.run([&] { paid += account.withdraw(70) ? 70 : 0; });
        REQUIRE(account.withdraw(100 - paid));  // so the lock is free, too
    });
}
