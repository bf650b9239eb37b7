// SPDX-License-Identifier: MIT
//
// The order of those that are ready, where it is not the order in which they became so.
#include "coroutine/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include <coloop/coroutine.hpp>

#include "coroutine/access.hpp"

using namespace coloop;

namespace {

Scheduler& scheduler() { return Scheduler::without_loop(); }

/// Notes its name when it runs, then does what it was given.
class Runner {
public:
    Runner(std::string& order, char name, std::function<void()> then = {})
        : coroutine_([&order, name, then = std::move(then)] {
              order += name;
              if (then) {
                  then();
              }
          }) {}

    operator Coroutine&() { return coroutine_; }

private:
    Coroutine coroutine_;
};

}  // namespace

TEST_SUITE("Scheduler") {
    TEST_CASE("those that are made ready ahead run first, in their order, and theirs before them") {
        std::string order;
        Runner grandchild(order, 'g');
        Runner first(order, '1', [&] { scheduler().make_ready_ahead(grandchild); });
        Runner second(order, '2');
        Runner late(order, 'z');
        Runner waker(order, 'w', [&] {
            scheduler().make_ready_ahead(first);
            scheduler().make_ready_ahead(second);
            scheduler().make_ready(late);
        });
        Runner next(order, 'n');
        scheduler().make_ready(waker);
        scheduler().make_ready(next);
        CHECK(run_ready() == 6);
        CHECK(order == "w1g2nz");
    }

    TEST_CASE("ahead of nobody, or outside coroutines, a coroutine is the last as well") {
        std::string order;
        Runner child(order, 'c');
        Runner alone(order, 'a', [&] { scheduler().make_ready_ahead(child); });
        Runner behind(order, 'b');
        scheduler().make_ready_ahead(alone);
        run_ready();
        CHECK(order == "ac");
        Runner other(order, 'o');
        scheduler().make_ready_ahead(behind);
        scheduler().make_ready_ahead(other);
        run_ready();
        CHECK(order == "acbo");  // outside there is nobody to run after, so all queue up
    }

    TEST_CASE("after 64 in a row the next one queues like everybody") {
        std::string order;
        std::size_t entered = 0;
        std::function<void()> spawn_next = [&] {
            if (++entered == 200) {
                return;
            }
            auto made = CoroutineAccess::create([&] { spawn_next(); }, {});
            scheduler().make_ready_ahead(**made);
        };
        Runner first(order, 'f', spawn_next);
        std::size_t before_bystander = 0;
        Runner bystander(order, 'b', [&] { before_bystander = entered; });
        scheduler().make_ready(first);
        scheduler().make_ready(bystander);
        run_ready();
        CHECK(entered == 200);
        CHECK(before_bystander == 65);
    }

    TEST_CASE("a tree of any size goes ahead of nobody for long, but goes ahead if nobody waits") {
        std::string order;
        std::size_t entered = 0;
        std::size_t most_ready = 0;
        std::function<void(int)> grow = [&](int levels) {
            ++entered;
            for (int child = 0; levels > 0 && child < 10; ++child) {
                auto made = CoroutineAccess::create([&, levels] { grow(levels - 1); }, {});
                scheduler().make_ready_ahead(**made);
            }
            most_ready = std::max(most_ready, scheduler().ready());
        };
        Runner alone(order, 'a', [&] { grow(4); });
        scheduler().make_ready(alone);
        run_ready();
        CHECK(entered == 11'111);
        CHECK(most_ready <= 4 * 10);  // depth first

        entered = 0;
        Runner crowd(order, 'c', [&] { grow(4); });
        std::size_t before_bystander = 0;
        Runner bystander(order, 'b', [&] { before_bystander = entered; });
        scheduler().make_ready(crowd);
        scheduler().make_ready(bystander);
        run_ready();
        CHECK(entered == 11'111);
        CHECK(before_bystander >= 1'000);
        CHECK(before_bystander <= 1'100);
    }

    TEST_CASE("one that is withdrawn does not run, wherever it was in the queue") {
        for (int which = 0; which < 3; ++which) {
            std::string order;
            Runner runners[] = {{order, 'a'}, {order, 'b'}, {order, 'c'}};
            for (Coroutine& runner : runners) {
                scheduler().make_ready(runner);
            }
            Coroutine& withdrawn = runners[which];
            scheduler().withdraw(withdrawn);
            CHECK(scheduler().ready() == 2);
            Runner last(order, 'd');
            scheduler().make_ready(last);
            CHECK(run_ready() == 3);
            withdrawn.enter();
            CHECK(order == std::string(which == 0 ? "bcda" : which == 1 ? "acdb" : "abdc"));
        }
    }
}
