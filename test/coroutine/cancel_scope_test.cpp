// SPDX-License-Identifier: MIT
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>

#include "support/death.hpp"

using namespace coloop;

namespace {

using Kind = CancelScope::Kind;

template <typename Function>
void run_in_coroutine(Function function) {
    Coroutine coroutine(std::move(function));
    coroutine.enter();
    CHECK(coroutine.done());
}

bool wait_throws(CoQueue& queue) {
    try {
        queue.wait();
    } catch (const Cancelled&) {
        return true;
    }
    return false;
}

}  // namespace

TEST_SUITE("CancelScope") {
    TEST_CASE("cancelling ends the wait inside, and the scope absorbs it") {
        CoQueue queue;
        CancelScope* scope = nullptr;
        std::string order;
        Coroutine coroutine([&] {
            CancelScope mine;
            scope = &mine;
            order += mine.run([&] { queue.wait(); }) ? "finished" : "cut short";
            order += mine.cancelled() && mine.cancel_called() ? ", cancelled" : "";
        });
        coroutine.enter();
        scope->cancel();
        CHECK(order.empty());  // it runs soon, not inside the call
        CHECK(queue.empty());
        run_ready();
        CHECK(order == "cut short, cancelled");
    }

    TEST_CASE("work that finishes is not cut short by a later cancel") {
        run_in_coroutine([] {
            CancelScope scope;
            CHECK(scope.run([] {}));
            scope.cancel();
            CHECK(scope.cancelled());
        });
    }

    TEST_CASE("it is level-triggered: each further wait throws until the scope is left") {
        run_in_coroutine([] {
            CoQueue queue;
            {
                CancelScope scope;
                scope.cancel();
                CHECK(wait_throws(queue));
                CHECK(wait_throws(queue));
                CHECK_FALSE(queue.wait(std::nothrow));
                CHECK_THROWS_AS(check_cancelled(), Cancelled);
                scope.cancel();  // again is harmless
            }
            CHECK_NOTHROW(check_cancelled());
        });
    }

    TEST_CASE("a coroutine that swallows Cancelled once gets it at its next wait") {
        CoQueue queue;
        CancelScope* scope = nullptr;
        int swallowed = 0;
        Coroutine coroutine([&] {
            CancelScope mine;
            scope = &mine;
            for (int i = 0; i < 3; ++i) {
                try {
                    queue.wait();
                } catch (...) {
                    ++swallowed;
                }
            }
        });
        coroutine.enter();
        scope->cancel();
        run_ready();
        CHECK(coroutine.done());
        CHECK(swallowed == 3);
    }

    TEST_CASE("cancelling an outer scope reaches waits in the inner ones") {
        CoQueue queue;
        CancelScope* outer = nullptr;
        std::string order;
        Coroutine coroutine([&] {
            CancelScope mine;
            outer = &mine;
            order += mine.run([&] {
                CancelScope inner;
                inner.run([&] { queue.wait(); });
                order += "not reached";  // the inner scope must let it pass
            })
                         ? "?"
                         : "absorbed by the outer";
        });
        coroutine.enter();
        outer->cancel();
        run_ready();
        CHECK(order == "absorbed by the outer");
    }

    TEST_CASE("cancelling an inner scope leaves the outer one alone") {
        run_in_coroutine([] {
            CoQueue queue;
            CancelScope outer;
            {
                CancelScope inner;
                inner.cancel();
                CHECK(inner.absorbs());
                CHECK(wait_throws(queue));
            }
            CHECK_FALSE(outer.cancelled());
            CHECK_NOTHROW(check_cancelled());
        });
    }

    TEST_CASE("if both were cancelled the Cancelled belongs to the outer one") {
        run_in_coroutine([] {
            CancelScope outer;
            CancelScope inner;
            inner.cancel();
            outer.cancel();
            CHECK_FALSE(inner.absorbs());
            CHECK(outer.absorbs());
        });
    }

    TEST_CASE("a scope opened inside a cancelled one is cancelled from the start") {
        run_in_coroutine([] {
            CancelScope outer;
            outer.cancel();
            const CancelScope inner;
            CHECK(inner.cancelled());
            CHECK_FALSE(inner.cancel_called());
            CHECK_FALSE(inner.absorbs());
        });
    }

    TEST_CASE("a shield keeps cancellation from what is inside, until it is closed") {
        CoQueue queue;
        CancelScope* outer = nullptr;
        std::string order;
        Coroutine coroutine([&] {
            CancelScope mine;
            outer = &mine;
            mine.run([&] {
                {
                    const CancelScope shield(Kind::shield);
                    queue.wait();
                    order += "woken";
                    CHECK_NOTHROW(check_cancelled());
                }
                check_cancelled();
                order += "not reached";
            });
        });
        coroutine.enter();
        outer->cancel();
        run_ready();
        CHECK(order.empty());
        queue.wake_one();
        run_ready();
        CHECK(order == "woken");
        CHECK(coroutine.done());
    }

    TEST_CASE("a shield can itself be cancelled, and absorbs") {
        run_in_coroutine([] {
            CoQueue queue;
            CancelScope outer;
            outer.cancel();
            CancelScope shield(Kind::shield);
            CHECK_FALSE(shield.cancelled());
            shield.cancel();
            CHECK(shield.absorbs());
            CHECK(wait_throws(queue));
        });
    }

    TEST_CASE("other exceptions pass through a scope") {
        run_in_coroutine([] {
            CancelScope scope;
            CHECK_THROWS_AS(scope.run([] { throw std::runtime_error("mine"); }),
                            std::runtime_error);
        });
    }

    TEST_CASE("a detached scope cancels every coroutine that opened one below it") {
        CoQueue queue;
        CancelScope group(CancelScope::Detached{}, nullptr);
        int cancelled = 0;
        const auto body = [&] {
            const CancelScope scope(CancelScope::Below{group});
            cancelled += wait_throws(queue) ? 1 : 0;
        };
        Coroutine first(body);
        Coroutine second(body);
        first.enter();
        second.enter();
        SUBCASE("of the group") {
            group.cancel();
            run_ready();
            CHECK(cancelled == 2);
        }
        SUBCASE("one by one") {
            queue.wake_all();
            run_ready();
            CHECK(cancelled == 0);
        }
        CHECK(first.done());
        CHECK(second.done());
    }

    TEST_CASE("a detached scope is cancelled along with its parent") {
        run_in_coroutine([] {
            CancelScope parent;
            const CancelScope group(CancelScope::Detached{}, &parent);
            CHECK(CancelScope::innermost() == &parent);
            parent.cancel();
            CHECK(group.cancelled());
        });
    }

    TEST_CASE("cancelling reaches the innermost of very many scopes, on any stack") {
        CoQueue queue;
        CancelScope outermost(CancelScope::Detached{}, nullptr);
        bool cut_short = false;
        Coroutine waiter([&] {
            CancelScope first(CancelScope::Below{outermost});
            std::deque<CancelScope> scopes(100'000);
            cut_short = wait_throws(queue);
            while (!scopes.empty()) {
                scopes.pop_back();
            }
        });
        waiter.enter();
        Coroutine canceller([&] { outermost.cancel(); });
        canceller.enter();
        CHECK(waiter.done());
        CHECK(cut_short);
    }

    TEST_CASE("cancelling takes its way from branch to branch, and leaves the tree as it was") {
        CoQueue queue;
        std::string order;
        CancelScope root(CancelScope::Detached{}, nullptr);
        CancelScope left(CancelScope::Detached{}, &root);
        CancelScope right(CancelScope::Detached{}, &root);
        std::vector<std::unique_ptr<Coroutine>> coroutines;
        const auto add = [&](CancelScope& parent, char name, bool shielded) {
            coroutines.push_back(std::make_unique<Coroutine>([&, name, shielded] {
                const CancelScope scope(CancelScope::Below{parent});
                const CancelScope inner(shielded ? Kind::shield : Kind::plain);
                order += wait_throws(queue) ? name : '-';
            }));
            coroutines.back()->enter();
        };
        add(left, 'a', false);
        add(right, 'c', false);
        add(left, 'b', false);
        add(right, 's', true);
        add(right, 'd', false);
        add(root, 'e', false);
        root.cancel();
        run_ready();
        CHECK(order == "abcde");
        CHECK(queue.size() == 1);
        queue.wake_all();
        run_ready();
        CHECK(order == "abcde-");
    }

    TEST_CASE("innermost is the calling coroutine's own") {
        CHECK(CancelScope::innermost() == nullptr);
        run_in_coroutine([] {
            CHECK(CancelScope::innermost() == nullptr);
            const CancelScope outer;
            {
                const CancelScope inner;
                CHECK(CancelScope::innermost() == &inner);
                Coroutine other([] { CHECK(CancelScope::innermost() == nullptr); });
                other.enter();
            }
            CHECK(CancelScope::innermost() == &outer);
        });
        CHECK_NOTHROW(check_cancelled());
    }

    TEST_CASE("cancelling does not end a yield, only the next wait") {
        CoQueue queue;
        CancelScope* scope = nullptr;
        bool cut_short = false;
        Coroutine coroutine([&] {
            CancelScope mine;
            scope = &mine;
            cut_short = !mine.run([&] {
                Coroutine::yield();
                queue.wait();
            });
        });
        coroutine.enter();
        scope->cancel();
        CHECK(run_ready() == 0);
        coroutine.enter();
        CHECK(coroutine.done());
        CHECK(cut_short);
    }

    TEST_CASE("a wake that came first is not taken back by a cancel") {
        CoQueue queue;
        CancelScope* scope = nullptr;
        bool finished = false;
        Coroutine coroutine([&] {
            CancelScope mine;
            scope = &mine;
            finished = mine.run([&] { queue.wait(); });
        });
        coroutine.enter();
        queue.wake_one();
        scope->cancel();
        run_ready();
        CHECK(finished);
    }

    TEST_CASE("a cancel that came first leaves the wake to the next waiter") {
        CoQueue queue;
        CancelScope* scope = nullptr;
        std::string order;
        Coroutine first([&] {
            CancelScope mine;
            scope = &mine;
            order += mine.run([&] { queue.wait(); }) ? 'w' : 'c';
        });
        Coroutine second([&] {
            queue.wait();
            order += '2';
        });
        first.enter();
        second.enter();
        scope->cancel();
        queue.wake_one();
        run_ready();
        CHECK(order == "c2");
    }
}

TEST_SUITE("misuse of CancelScope") {
    TEST_CASE("a scope cannot be opened outside a coroutine") {
        CHECK(last_words([] { const CancelScope scope; }) ==
              doctest::Contains("a cancel scope was opened outside a coroutine; there is nothing "
                                "to cancel"));
    }

    TEST_CASE("scopes must be closed in the reverse order of opening") {
        CHECK(last_words([] {
                  Coroutine coroutine(
                      [] {
                          auto outer = std::make_unique<CancelScope>();
                          const CancelScope inner;
                          outer.reset();
                      },
                      {.name = "untidy"});
                  coroutine.enter();
              }) == doctest::Contains("a cancel scope was closed while a scope inside it is open, "
                                      "in coroutine \"untidy\"; scopes nest as blocks do"));
    }

    TEST_CASE("a detached scope must outlive the scopes of its coroutines") {
        CHECK(last_words([] {
                  std::optional<CancelScope> group(std::in_place, CancelScope::Detached{}, nullptr);
                  Coroutine coroutine([&] {
                      const CancelScope scope(CancelScope::Below{*group});
                      Coroutine::yield();
                  });
                  coroutine.enter();
                  group.reset();
              }) == doctest::Contains("a cancel scope was closed while a scope inside it is open; "
                                      "scopes nest as blocks do, and coroutines inside must end "
                                      "first"));
    }
}
