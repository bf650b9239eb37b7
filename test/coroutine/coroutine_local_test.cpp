// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/coroutine_local.hpp>

#include "support/expect_misuse.hpp"

using namespace coloop;

namespace {

/// Writes a letter when it goes.
struct Trace {
    std::string* text;
    char letter;

    Trace(std::string& where, char what) : text(&where), letter(what) {}

    Trace(Trace&& other) noexcept
        : text(std::exchange(other.text, nullptr)), letter(other.letter) {}

    ~Trace() {
        if (text != nullptr) {
            *text += letter;
        }
    }
};

}  // namespace

TEST_SUITE("CoroutineLocal") {
    TEST_CASE("each coroutine has its own value, which outlives its yields") {
        CoroutineLocal<int> number;
        std::string seen;
        const auto count = [&](int by) {
            return std::make_unique<Coroutine>([&, by] {
                for (int i = 0; i < 3; ++i) {
                    *number += by;
                    Coroutine::yield();
                }
                seen += std::to_string(*number) + ' ';
            });
        };
        auto ones = count(1);
        auto tens = count(10);
        for (int i = 0; i < 4; ++i) {
            ones->enter();
            tens->enter();
        }
        CHECK(seen == "3 30 ");
    }

    TEST_CASE("a value begins as its function says, made when it is first asked for") {
        int made = 0;
        const CoroutineLocal<std::string> text([&] { return "text " + std::to_string(++made); });
        std::string seen;
        for (int i = 0; i < 2; ++i) {
            Coroutine coroutine([&] {
                CHECK(made == i);
                seen += *text + ", " + std::to_string(text->size()) + "; ";
            });
            coroutine.enter();
        }
        Coroutine idle([] {});
        idle.enter();
        CHECK(seen == "text 1, 6; text 2, 6; ");
    }

    TEST_CASE("a coroutine does not inherit the values of the one that makes or enters it") {
        CoroutineLocal<int> number([] { return 1; });
        int inner_value = 0;
        Coroutine outer([&] {
            *number = 2;
            Coroutine inner([&] { inner_value = std::exchange(*number, 3); });
            inner.enter();
            CHECK(*number == 2);
        });
        outer.enter();
        CHECK(inner_value == 1);
    }

    TEST_CASE("values are destroyed when their coroutine ends, the latest first") {
        std::string gone;
        const CoroutineLocal<Trace> first([&] { return Trace(gone, 'a'); });
        const CoroutineLocal<Trace> second([&] { return Trace(gone, 'b'); });
        Coroutine coroutine([&] {
            const Trace frame(gone, 'f');
            static_cast<void>(*first);
            static_cast<void>(*second);
            Coroutine::yield();
            CHECK(gone.empty());
        });
        coroutine.enter();
        coroutine.enter();
        CHECK(gone == "fba");
    }

    TEST_CASE("a value may outlive its CoroutineLocal, and a new one at that place has its own") {
        std::string gone;
        std::optional<CoroutineLocal<Trace>> local(std::in_place, [&] { return Trace(gone, 'a'); });
        Coroutine coroutine([&] {
            static_cast<void>(**local);
            Coroutine::yield();
            CHECK((**local).letter == 'b');
        });
        coroutine.enter();
        local.reset();
        local.emplace([&] { return Trace(gone, 'b'); });
        CHECK(gone.empty());
        coroutine.enter();
        CHECK(gone == "ba");
    }

    TEST_CASE("if the first value can't be made, the next attempt begins anew") {
        int attempts = 0;
        const CoroutineLocal<int> number([&] {
            if (++attempts == 1) {
                throw std::runtime_error("not yet");
            }
            return attempts;
        });
        int value = 0;
        Coroutine coroutine([&] {
            CHECK_THROWS_AS(*number, std::runtime_error);
            value = *number;
        });
        coroutine.enter();
        CHECK(value == 2);
    }

    TEST_CASE("a destructor may make and run other coroutines with values of their own") {
        std::string gone;
        const CoroutineLocal<Trace> inner([&] { return Trace(gone, 'i'); });

        struct Runs {
            const CoroutineLocal<Trace>* local;

            explicit Runs(const CoroutineLocal<Trace>& what) : local(&what) {}

            ~Runs() {
                Coroutine coroutine([this] { static_cast<void>(**local); });
                coroutine.enter();
            }
        };

        const CoroutineLocal<std::unique_ptr<Runs>> outer(
            [&] { return std::make_unique<Runs>(inner); });
        Coroutine coroutine([&] { static_cast<void>(*outer); });
        coroutine.enter();
        CHECK(coroutine.done());
        CHECK(gone == "i");
    }

    TEST_CASE("on the loop's own stack the value is that of the coroutine that went there") {
        CoroutineLocal<int> number;
        Coroutine coroutine([&] {
            *number = 1;
            run_on_loop_stack([&] { ++*number; });
            call_with_stack(64 << 10, [&] { ++*number; });
            CHECK(*number == 3);
        });
        coroutine.enter();
        CHECK(coroutine.done());
    }

    TEST_CASE("one CoroutineLocal serves coroutines of several threads") {
        const CoroutineLocal<int> number([] { return 1; });
        const auto count = [&] {
            for (int i = 0; i < 100; ++i) {
                Coroutine coroutine([&] {
                    *number += i;
                    Coroutine::yield();
                    CHECK(*number == i + 1);
                });
                coroutine.enter();
                coroutine.enter();
            }
        };
        std::thread other(count);
        count();
        other.join();
    }

    TEST_CASE("asking for a value outside a coroutine is misuse, and so is waiting in its end") {
        expect_misuse([] { static_cast<void>(*CoroutineLocal<int>()); },
                      "a coroutine-local value was asked for outside a coroutine");

        struct Waits {
            CoQueue* queue = nullptr;

            ~Waits() {
                if (queue != nullptr) {
                    queue->wait();
                }
            }
        };

        expect_misuse(
            [] {
                CoQueue queue;
                const CoroutineLocal<std::unique_ptr<Waits>> local(
                    [] { return std::make_unique<Waits>(); });
                Coroutine coroutine([&] { (*local)->queue = &queue; });
                coroutine.enter();
            },
            "cannot wait (wait in a queue) outside a coroutine");
    }
}
