// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/co_mutex.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "context/stack.hpp"
#include "support/death.hpp"

using namespace coloop;

namespace {

/// Counts how many of it exist.
class Counted {
public:
    explicit Counted(int& count) : count_(&count) { ++*count_; }

    Counted(const Counted& other) : count_(other.count_) { ++*count_; }

    Counted& operator=(const Counted&) = delete;

    ~Counted() { --*count_; }

private:
    int* count_;
};

}  // namespace

TEST_SUITE("Coroutine") {
    TEST_CASE("a coroutine runs its function when it is entered, and ends with it") {
        for (int round = 0; round < 2; ++round) {  // the second gets its stack from the pool
            bool ran = false;
            Coroutine coroutine([&] { ran = true; });
            CHECK_FALSE(ran);
            CHECK_FALSE(coroutine.done());
            coroutine.enter();
            CHECK(ran);
            CHECK(coroutine.done());
        }
    }

    TEST_CASE("six enters see exactly five yields") {
        int yields = 0;
        Coroutine coroutine([&] {
            for (; yields < 5; ++yields) {
                Coroutine::yield();
            }
        });
        int enters = 0;
        while (!coroutine.done()) {
            coroutine.enter();
            ++enters;
        }
        CHECK(yields == 5);
        CHECK(enters == 6);
    }

    TEST_CASE("coroutines enter each other 128 deep, and all return") {
        int entered = 0;
        int returned = 0;
        std::function<void()> descend = [&] {
            if (++entered < 128) {
                Coroutine deeper(descend);
                deeper.enter();
                CHECK(deeper.done());
            }
            ++returned;
        };
        Coroutine outermost(descend);
        outermost.enter();
        CHECK(entered == 128);
        CHECK(returned == 128);
    }

    TEST_CASE("a yield gives control to whoever entered, however deep they are nested") {
        std::string order;
        Coroutine inner([&] {
            order += 'c';
            Coroutine::yield();
            order += 'f';
        });
        Coroutine outer([&] {
            order += 'b';
            inner.enter();
            order += 'd';
            Coroutine::yield();
            order += 'g';
        });
        order += 'a';
        outer.enter();
        order += 'e';
        inner.enter();
        outer.enter();
        order += 'h';
        CHECK(order == "abcdefgh");
    }

    TEST_CASE("self is the running coroutine, also after others ran in between") {
        Coroutine* seen_outer = nullptr;
        Coroutine* seen_inner = nullptr;
        Coroutine inner([&] {
            seen_inner = Coroutine::self();
            Coroutine::yield();
        });
        Coroutine outer([&] {
            inner.enter();
            seen_outer = Coroutine::self();
        });
        CHECK(Coroutine::self() == nullptr);
        outer.enter();
        CHECK(seen_outer == &outer);
        CHECK(seen_inner == &inner);
        CHECK(Coroutine::self() == nullptr);
        inner.enter();
    }

    TEST_CASE("in_coroutine is true inside only") {
        bool inside = false;
        CHECK_FALSE(in_coroutine());
        Coroutine coroutine([&] { inside = in_coroutine(); });
        CHECK_FALSE(in_coroutine());
        coroutine.enter();
        CHECK(inside);
        CHECK_FALSE(in_coroutine());
    }

    TEST_CASE("main and a coroutine take turns in the order of enter and yield") {
        std::string order;
        Coroutine coroutine([&] {
            order += in_coroutine() ? 'A' : '?';
            Coroutine::yield();
            order += in_coroutine() ? 'B' : '?';
        });
        order += '1';
        coroutine.enter();
        order += '2';
        coroutine.enter();
        order += '3';
        CHECK(order == "1A2B3");
    }

    TEST_CASE("the memory of a coroutine that has ended is not touched by one it had entered") {
        alignas(Coroutine) std::array<unsigned char, sizeof(Coroutine)> memory;
        bool ended = false;
        Coroutine second([&] {
            Coroutine::yield();
            ended = true;
        });
        auto* first = new (memory.data()) Coroutine([&] { second.enter(); });
        first->enter();
        REQUIRE(first->done());
        first->~Coroutine();
        memory.fill(0xff);
        second.enter();
        CHECK(ended);
        for (const unsigned char byte : memory) {
            REQUIRE(byte == 0xff);
        }
    }

    TEST_CASE("the function object is moved to the stack and destroyed when it has run") {
        int count = 0;
        {
            auto held = std::make_unique<Counted>(count);
            Coroutine coroutine([held = std::move(held)] { Coroutine::yield(); });
            coroutine.enter();
            CHECK(count == 1);
            coroutine.enter();
            CHECK(count == 0);
        }
        CHECK(count == 0);
    }

    TEST_CASE("a coroutine that was never entered destroys its function object and runs nothing") {
        int count = 0;
        bool ran = false;
        {
            const Coroutine coroutine([&ran, counted = Counted(count)] { ran = true; });
            CHECK(count == 1);
        }
        CHECK(count == 0);
        CHECK_FALSE(ran);
    }

    TEST_CASE("an exception from the function object's copy comes out and costs no stack") {
        struct Throws {
            Throws() = default;

            Throws(const Throws& /*other*/) { throw std::runtime_error("no copy"); }

            void operator()() const {}
        };

        const std::size_t before = stack_usage().in_use;
        const Throws throws;
        CHECK_THROWS_WITH(Coroutine{throws}, "no copy");
        CHECK(stack_usage().in_use == before);
    }

    TEST_CASE("a function object that does not fit its stack is an error") {
        std::array<char, 200'000> big{};
        CHECK_THROWS_AS(Coroutine([big] { static_cast<void>(big); }, {.stack_size = 64 << 10}),
                        Error);
        int ran = 0;
        Coroutine fits([big, &ran] { ran = 1 + big[7]; }, {.stack_size = 1 << 20});
        fits.enter();
        CHECK(ran == 1);
    }

    TEST_CASE("a function object keeps an alignment larger than the stack's") {
        struct alignas(256) Aligned {
            std::uintptr_t* address;

            void operator()() const { *address = reinterpret_cast<std::uintptr_t>(this); }
        };

        std::uintptr_t address = 1;
        Coroutine coroutine(Aligned{&address});
        coroutine.enter();
        CHECK(address % 256 == 0);
    }

    TEST_CASE("a name is copied and cut at 63 bytes") {
        std::string name = "client 7";
        const Coroutine named([] {}, {.name = name});
        name = "changed";
        CHECK(named.name() == "client 7");
        const Coroutine longer([] {}, {.name = std::string(100, 'x')});
        CHECK(longer.name() == std::string(63, 'x'));
        const Coroutine nameless([] {});
        CHECK(nameless.name().empty());
    }

    TEST_CASE("stack sizes are rounded up to a power of two from 16 KiB to 1 GiB") {
        const Coroutine tiny([] {}, {.stack_size = 1});
        CHECK(tiny.stack_size() > std::size_t{8} << 10);
        CHECK(tiny.stack_size() < std::size_t{16} << 10);
        const Coroutine odd([] {}, {.stack_size = 100'000});
        CHECK(odd.stack_size() > std::size_t{64} << 10);
        CHECK(odd.stack_size() < std::size_t{128} << 10);
        CHECK_THROWS_AS(Coroutine([] {}, {.stack_size = (std::size_t{1} << 30) + 1}), Error);
    }

    TEST_CASE("an error of creation names the coroutine") {
        try {
            const Coroutine coroutine([] {}, {.name = "giant", .stack_size = SIZE_MAX});
            FAIL("was created");
        } catch (const Error& error) {
            CHECK(error.code() == std::errc::not_enough_memory);
            CHECK(std::string(error.what()).find("create coroutine giant") == 0);
        }
    }

    TEST_CASE("a coroutine can destroy others and create new ones in their place") {
        std::optional<Coroutine> slot;
        int runs = 0;
        Coroutine driver([&] {
            for (int i = 0; i < 100; ++i) {
                slot.emplace([&] { ++runs; });
                slot->enter();
                slot.reset();
            }
        });
        driver.enter();
        CHECK(runs == 100);
    }

    TEST_CASE("coroutines of different threads run side by side") {
        std::vector<std::thread> threads;
        std::array<long, 4> sums{};
        for (std::size_t i = 0; i < sums.size(); ++i) {
            threads.emplace_back([&sum = sums[i]] {
                for (int round = 0; round < 100; ++round) {
                    Coroutine coroutine([&] {
                        for (int k = 0; k < 100; ++k) {
                            sum += k;
                            Coroutine::yield();
                        }
                    });
                    while (!coroutine.done()) {
                        coroutine.enter();
                    }
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        for (const long sum : sums) {
            CHECK(sum == 495'000);
        }
    }
}

TEST_SUITE("misuse of Coroutine") {
    TEST_CASE("a running coroutine cannot enter itself") {
        CHECK(last_words([] {
                  Coroutine coroutine([] { Coroutine::self()->enter(); }, {.name = "selfish"});
                  coroutine.enter();
              }) == doctest::Contains("enter: coroutine \"selfish\" cannot enter itself"));
    }

    TEST_CASE("a coroutine cannot enter the one that entered it") {
        CHECK(last_words([] {
                  Coroutine* parent = nullptr;
                  Coroutine child([&] { parent->enter(); }, {.name = "child"});
                  Coroutine outer([&] { child.enter(); }, {.name = "parent"});
                  parent = &outer;
                  outer.enter();
              }) == doctest::Contains("enter: coroutine \"parent\" has entered coroutine "
                                      "\"child\" itself, if only through others; yield to it"));
    }

    TEST_CASE("a coroutine that has ended cannot be entered") {
        CHECK(last_words([] {
                  Coroutine coroutine([] {}, {.name = "short"});
                  coroutine.enter();
                  coroutine.enter();
              }) == doctest::Contains("enter: coroutine \"short\" has ended; create a new one"));
    }

    TEST_CASE("a coroutine that waits cannot be entered") {
        CHECK(last_words([] {
                  CoQueue queue("wait for the bus");
                  Coroutine coroutine([&] { queue.wait(); }, {.name = "waiter"});
                  coroutine.enter();
                  coroutine.enter();
              }) ==
              doctest::Contains("enter: coroutine \"waiter\" waits: wait for the bus; only what it "
                                "waits for can let it go on"));
    }

    TEST_CASE("a coroutine that is ready cannot be entered") {
        CHECK(last_words([] {
                  CoQueue queue;
                  Coroutine coroutine([&] { queue.wait(); }, {.name = "woken"});
                  coroutine.enter();
                  queue.wake_one();
                  coroutine.enter();
              }) ==
              doctest::Contains(
                  "enter: coroutine \"woken\" was woken and is about to run by itself"));
    }

    TEST_CASE("a coroutine cannot be entered on another thread than its own") {
        CHECK(last_words([] {
                  Coroutine coroutine([] {}, {.name = "local"});
                  std::thread([&] { coroutine.enter(); }).join();
              }) ==
              doctest::Contains("enter: coroutine \"local\" belongs to another thread; enter it "
                                "there"));
    }

    TEST_CASE("there is nothing to yield from outside coroutines") {
        CHECK(last_words([] { Coroutine::yield(); }) ==
              doctest::Contains("yield: there is no coroutine to yield from"));
    }

    TEST_CASE("a coroutine must not end while it holds a lock") {
        CHECK(last_words([] {
                  CoMutex mutex;
                  Coroutine coroutine([&] { mutex.lock(); }, {.name = "keeper"});
                  coroutine.enter();
              }) == doctest::Contains("coroutine \"keeper\" ended while it held a lock"));
    }

    TEST_CASE("a queue must not be destroyed while somebody waits in it") {
        CHECK(last_words([] {
                  auto queue = std::make_unique<CoQueue>("wait for ever");
                  Coroutine coroutine([&] { queue->wait(); }, {.name = "waiter"});
                  coroutine.enter();
                  queue.reset();
              }) == doctest::Contains("a CoQueue was destroyed while coroutine \"waiter\" waits: "
                                      "wait for ever"));
    }

    TEST_CASE("a suspended coroutine must not be destroyed") {
        CHECK(last_words([] {
                  std::optional<Coroutine> coroutine;
                  coroutine.emplace([] { Coroutine::yield(); }, CoroutineOptions{.name = "half"});
                  coroutine->enter();
                  coroutine.reset();
              }) ==
              doctest::Contains("coroutine \"half\" yielded; it goes on when somebody enters it, "
                                "but its Coroutine is being destroyed; let it end first"));
    }

    TEST_CASE("a coroutine must not destroy itself") {
        CHECK(last_words([] {
                  std::optional<Coroutine> coroutine;
                  coroutine.emplace([&] { coroutine.reset(); }, CoroutineOptions{.name = "self"});
                  coroutine->enter();
              }) == doctest::Contains("coroutine \"self\" runs, but its Coroutine is being "
                                      "destroyed"));
    }

    TEST_CASE("nobody can wait outside a coroutine") {
        CHECK(last_words([] {
                  CoQueue queue("read a stone");
                  queue.wait();
              }) == doctest::Contains("cannot wait (read a stone) outside a coroutine; spawn one "
                                      "on the loop and call this in it"));
    }

    TEST_CASE("coroutines that were woken cannot be run from inside one") {
        CHECK(last_words([] {
                  Coroutine coroutine([] { run_ready(); }, {.name = "inner"});
                  coroutine.enter();
              }) == doctest::Contains("run_ready() was called in coroutine \"inner\""));
    }

    TEST_CASE("an exception that leaves the function ends the program and is named") {
        const doctest::String words = last_words([] {
            Coroutine coroutine([] { throw std::runtime_error("spilt milk"); }, {.name = "sloppy"});
            coroutine.enter();
        });
        CHECK(words == doctest::Contains("an exception left coroutine \"sloppy\""));
        CHECK(words == doctest::Contains("spilt milk"));
    }

    TEST_CASE("a coroutine without a name is reported by its address") {
        CHECK(last_words([] {
                  Coroutine coroutine([] {});
                  coroutine.enter();
                  coroutine.enter();
              }) == doctest::Contains("enter: coroutine 0x"));
    }
}
