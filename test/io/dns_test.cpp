// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::size_t threads() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        static_cast<void>(entry);
        ++count;
    }
    return count;
}

/// Keeps all four threads of libuv's pool busy until released.
class BusyPool {
public:
    BusyPool() {
        for (uv_work_t& work : work_) {
            work.data = this;
            uv_queue_work(
                Loop::current_uv(), &work,
                [](uv_work_t* one) {
                    while (!static_cast<BusyPool*>(one->data)->released_) {
                        std::this_thread::sleep_for(std::chrono::milliseconds(1));
                    }
                },
                [](uv_work_t* one, int /*status*/) {
                    --static_cast<BusyPool*>(one->data)->running_;
                });
        }
    }

    void release() { released_ = true; }

    ~BusyPool() {
        release();
        while (running_ > 0) {
            co_sleep(std::chrono::milliseconds(1));
        }
    }

private:
    uv_work_t work_[4];
    std::atomic<bool> released_ = false;
    int running_ = 4;
};

}  // namespace

TEST_CASE("a numeric host resolves to itself without asking anybody") {
    run_in_loop([] {
        const std::size_t before = threads();
        CHECK(resolve("127.0.0.1") == std::vector{Address::parse("127.0.0.1", 0)});
        CHECK(resolve("::1") == std::vector{Address::parse("::1", 0)});
        CHECK(resolve("fe80::1%lo") == std::vector{Address::parse("fe80::1%lo", 0)});
        TcpListener listener("127.0.0.1", 0);
        TcpStream::connect("127.0.0.1", listener.local_address().port());
        CHECK(threads() == before);
    });
}

TEST_CASE("a name resolves to addresses with port 0, each of them once") {
    run_in_loop([] {
        std::vector<Address> addresses = resolve("localhost");
        REQUIRE_FALSE(addresses.empty());
        for (const Address& address : addresses) {
            CHECK(address.port() == 0);
            CHECK(std::count(addresses.begin(), addresses.end(), address) == 1);
            CHECK((address.host() == "127.0.0.1" || address.host() == "::1"));
        }
    });
}

TEST_CASE("many names may be resolved at once") {
    run_in_loop([] {
        int resolved = 0;
        TaskGroup group;
        for (int i = 0; i < 50; ++i) {
            group.spawn([&] { resolved += resolve("localhost").empty() ? 0 : 1; });
        }
        group.wait();
        CHECK(resolved == 50);
    });
}

TEST_CASE("a name that nobody knows is an error that names it, in both forms") {
    run_in_loop([] {
        const Result<std::vector<Address>> result = resolve("nosuchhost.invalid", std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(doctest::String(result.error().what()) ==
              doctest::Contains("resolve nosuchhost.invalid: "));
        try {
            static_cast<void>(resolve("nosuchhost.invalid"));
            FAIL("did not throw");
        } catch (const Error& error) {
            CHECK(std::string(error.what()) == result.error().what());
        }
    });
}

TEST_CASE("what can't be a name is refused without asking anybody") {
    run_in_loop([] {
        const std::size_t before = threads();
        for (const std::string& name :
             {std::string(), std::string(254, 'a'), std::string("localhost\0x", 11)}) {
            const auto result = resolve(name, std::nothrow);
            REQUIRE_FALSE(result.has_value());
            CHECK(result.error().code() == uv_code(UV_EAI_NONAME));
        }
        CHECK(threads() == before);
    });
}

TEST_CASE("a cancelled lookup ends at once, although the pool is still busy") {
    run_in_loop([] {
        const BusyPool pool;
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        CHECK_FALSE(lookup.ended());
        lookup.cancel();
        CHECK(lookup.outcome() == "cancelled");
    });
}

TEST_CASE("a lookup in a cancelled scope does not begin") {
    run_in_loop([] {
        CancelScope scope;
        scope.cancel();
        expect_error(resolve("localhost", std::nothrow), Errc::cancelled,
                     "resolve localhost: cancelled");
        CHECK_THROWS_AS(static_cast<void>(resolve("127.0.0.1")), Cancelled);
    });
}

TEST_CASE("a lookup that ends just after it was cancelled leaks nothing") {
    run_in_loop([] {
        BusyPool pool;
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        const CallInPoll cancel([&] { lookup.cancel(); });
        cancel.trigger();
        pool.release();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the loop stands meanwhile
        CHECK(lookup.outcome() == "cancelled");
    });
}

TEST_CASE("a lookup in the wrong place is misuse") {
    expect_misuse([] { static_cast<void>(resolve("localhost")); },
                  "cannot resolve a name outside a coroutine");
}
