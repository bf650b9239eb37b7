// SPDX-License-Identifier: MIT
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/completion.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/expect_misuse.hpp"

using namespace coloop;

TEST_SUITE("Completion") {
    TEST_CASE("a value set before the wait is there at once") {
        Completion<int> completion;
        CHECK_FALSE(completion.is_set());
        completion.set(7);
        CHECK(completion.is_set());
        int value = 0;
        Cancellable waiter([&] { value = completion.wait(); });
        CHECK(waiter.done());
        CHECK(value == 7);
    }

    TEST_CASE("a value set during the wait ends it, and the waiter runs later") {
        Completion<std::string> completion;
        std::string value;
        Cancellable waiter([&] { value = completion.wait(); });
        completion.set("hello");
        CHECK(value.empty());
        run_ready();
        CHECK(value == "hello");
    }

    TEST_CASE("a value may be set by another coroutine, or by the waiter's own call") {
        Completion<int> completion;
        int value = 0;
        Cancellable waiter([&] { value = completion.wait(); });
        Cancellable setter([&] { completion.set(1); });
        CHECK(value == 1);

        Cancellable both([&] {
            Completion<int> own;
            own.set(2);
            value = own.wait();
        });
        CHECK(value == 2);
    }

    TEST_CASE("a value that can only be moved, and has no default, is handed on") {
        struct Pointer {
            explicit Pointer(int content) : target(std::make_unique<int>(content)) {}

            std::unique_ptr<int> target;
        };

        Completion<Pointer> completion;
        int value = 0;
        Cancellable waiter([&] { value = *completion.wait().target; });
        completion.set(Pointer(3));
        run_ready();
        CHECK(value == 3);
    }

    TEST_CASE("the completion may live in the waiter's frame") {
        std::function<void(int)> callback;
        int value = 0;
        Cancellable waiter([&] {
            Completion<int> completion;
            callback = [&](int result) { completion.set(result); };
            value = completion.wait();
        });
        callback(4);
        run_ready();
        CHECK(value == 4);
        CHECK(waiter.done());
    }

    TEST_CASE("a cancelled waiter waits on, gets the value, and its next wait throws") {
        Completion<int> completion;
        CoQueue queue;
        int value = 0;
        Cancellable waiter([&] {
            value = completion.wait();
            queue.wait();
        });
        waiter.cancel();
        run_ready();
        CHECK_FALSE(waiter.done());
        completion.set(5);
        run_ready();
        CHECK(value == 5);
        CHECK(waiter.cut_short());
    }

    TEST_CASE("cancelled before it waits, a waiter asks the source to hurry and waits on") {
        Completion<int> completion;
        int asked = 0;
        int value = 0;
        Cancellable waiter([&] {
            CancelScope::innermost()->cancel();
            value = completion.wait([&] { ++asked; });
        });
        CHECK(asked == 1);
        CHECK_FALSE(waiter.done());
        completion.set(6);
        run_ready();
        CHECK(value == 6);
        CHECK_FALSE(waiter.cut_short());
    }

    TEST_CASE("cancelled while it waits, a waiter asks the source to hurry, once") {
        Completion<int> completion;
        int asked = 0;
        int value = 0;
        Cancellable waiter([&] { value = completion.wait([&] { ++asked; }); });
        waiter.cancel();
        run_ready();
        waiter.cancel();
        run_ready();
        CHECK(asked == 1);
        completion.set(-1);
        run_ready();
        CHECK(value == -1);
    }

    TEST_CASE("a source that answers inside the request to hurry ends the wait") {
        Completion<int> completion;
        int value = 0;
        Cancellable waiter([&] { value = completion.wait([&] { completion.set(-2); }); });
        waiter.cancel();
        run_ready();
        CHECK(value == -2);
        CHECK(waiter.done());
    }

    TEST_CASE("the request to hurry is in a shield, so it may wait, too") {
        Completion<int> completion;
        CoQueue queue;
        bool asked = false;
        Cancellable waiter([&] {
            completion.wait([&] {
                queue.wait();
                asked = true;
            });
        });
        waiter.cancel();
        run_ready();
        CHECK_FALSE(asked);
        completion.set(0);
        queue.wake_one();
        run_ready();
        CHECK(asked);
        CHECK(waiter.done());
        CHECK_FALSE(waiter.cut_short());
    }

    TEST_CASE("a source that has answered is not asked to hurry, whichever came first") {
        for (const bool cancel_first : {false, true}) {
            CAPTURE(cancel_first);
            Completion<int> completion;
            int asked = 0;
            int value = 0;
            Cancellable waiter([&] { value = completion.wait([&] { ++asked; }); });
            if (cancel_first) {
                waiter.cancel();
                completion.set(8);
            } else {
                completion.set(8);
                waiter.cancel();
            }
            run_ready();
            CHECK(value == 8);
            CHECK(asked == 0);
            CHECK_FALSE(waiter.cut_short());
        }
    }

    TEST_CASE("inside a shield the source is not asked to hurry") {
        Completion<int> completion;
        int asked = 0;
        Cancellable waiter([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            completion.wait([&] { ++asked; });
        });
        waiter.cancel();
        run_ready();
        CHECK(asked == 0);
        completion.set(9);
        run_ready();
        CHECK(waiter.done());
    }

    TEST_CASE("waiting for a completion outside a coroutine is misuse") {
        expect_misuse([] { Completion<int>().wait(); },
                      "cannot wait (wait for a completion) outside a coroutine");
    }

    TEST_CASE("destroying a completion that a coroutine waits for is misuse") {
        expect_misuse(
            [] {
                auto completion = std::make_unique<Completion<int>>();
                const Cancellable waiter([&] { completion->wait(); }, "waiter");
                completion.reset();
            },
            "a Completion was destroyed while coroutine \"waiter\" waits: wait for a completion");
    }

    TEST_CASE("a completion of nothing says that something is done") {
        for (const bool set_first : {false, true}) {
            CAPTURE(set_first);
            Completion<void> completion;
            if (set_first) {
                completion.set();
            }
            Cancellable waiter([&] { completion.wait(); });
            CHECK(waiter.done() == set_first);
            if (!set_first) {
                completion.set();
            }
            run_ready();
            CHECK(waiter.done());
            CHECK(completion.is_set());
        }
    }

    TEST_CASE("a cancelled waiter for nothing asks the source to hurry and waits on, too") {
        Completion<void> completion;
        int asked = 0;
        Cancellable waiter([&] { completion.wait([&] { ++asked; }); });
        waiter.cancel();
        run_ready();
        CHECK(asked == 1);
        CHECK_FALSE(waiter.done());
        completion.set();
        run_ready();
        CHECK(waiter.done());
        CHECK_FALSE(waiter.cut_short());
    }

    TEST_CASE("setting a completion twice is misuse, also when its value was taken") {
        expect_misuse(
            [] {
                Completion<int> completion;
                completion.set(1);
                completion.set(2);
            },
            "set a completion: it was set before; a completion is for one value, make another for");
        expect_misuse(
            [] {
                Completion<void> completion;
                const Cancellable both(
                    [&] {
                        completion.set();
                        completion.wait();
                        completion.set();
                    },
                    "setter");
            },
            "set a completion: it was set before, in coroutine \"setter\"; a completion is for "
            "one");
    }

    TEST_CASE("a second wait for a completion is misuse, at the same time and later") {
        expect_misuse(
            [] {
                Completion<int> completion;
                const Cancellable first([&] { completion.wait(); });
                const Cancellable second([&] { completion.wait(); }, "second");
            },
            "wait for a completion: another wait has come first, in coroutine \"second\"; a "
            "completion is for one waiter, which takes the value");
        expect_misuse(
            [] {
                Completion<int> completion;
                completion.set(1);
                const Cancellable first([&] { completion.wait(); });
                const Cancellable second([&] { completion.wait(); });
            },
            "wait for a completion: another wait has come first, in coroutine");
    }
}
