// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/co_semaphore.hpp>
#include <coloop/coroutine.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/expect_misuse.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// Coroutines that acquire, are cancelled or not, and end keeping what they got; releases come from
/// outside. Compared with a list of requests and a number.
class SemaphoreStress {
public:
    explicit SemaphoreStress(std::uint64_t seed)
        : random_(seed), permits_(random_.below(4)), semaphore_(permits_) {}

    bool run() {
        for (int step = 0; step < 60; ++step) {
            const std::size_t what = random_.below(10);
            if (what < 4) {
                acquire(random_.below(5));
            } else if (what < 6) {
                release(random_.below(4));
            } else if (what < 8 && !coroutines_.empty()) {
                cancel(random_.below(coroutines_.size()));
            } else if (what == 8) {
                try_acquire(random_.below(3));
            } else {
                run_ready();
                check();
            }
        }
        run_ready();
        check();
        release(1'000);
        run_ready();
        check();
        return agrees_ && granted_ == expected_ && waiting_.empty();
    }

private:
    using Request = std::pair<std::size_t, std::size_t>;  // who, how many

    void acquire(std::size_t count) {
        const std::size_t id = coroutines_.size();
        coroutines_.push_back(nullptr);
        run_ready();  // what waits to run may release or leave
        if (waiting_.empty() && count <= permits_) {
            permits_ -= count;
            expected_.push_back(id);
        } else {
            waiting_.emplace_back(id, count);
        }
        coroutines_[id] = std::make_unique<Cancellable>([this, id, count] {
            try {
                semaphore_.acquire(count);
                granted_.push_back(id);
            } catch (const Cancelled&) {
                grant();  // only now do those behind it get theirs
            }
        });
    }

    void try_acquire(std::size_t count) {
        const bool can = waiting_.empty() && count <= permits_;
        agrees_ = agrees_ && semaphore_.try_acquire(count) == can;
        permits_ -= can ? count : 0;
    }

    void release(std::size_t count) {
        semaphore_.release(count);
        permits_ += count;
        grant();
    }

    void cancel(std::size_t id) {
        coroutines_[id]->cancel();
        std::erase_if(waiting_, [id](const Request& request) { return request.first == id; });
    }

    void grant() {
        while (!waiting_.empty() && waiting_.front().second <= permits_) {
            permits_ -= waiting_.front().second;
            expected_.push_back(waiting_.front().first);
            waiting_.pop_front();
        }
    }

    void check() { agrees_ = agrees_ && semaphore_.available() == permits_; }

    Random random_;
    std::size_t permits_;
    CoSemaphore semaphore_;
    std::deque<Request> waiting_;
    std::vector<std::size_t> expected_;
    std::vector<std::size_t> granted_;
    bool agrees_ = true;
    std::vector<std::unique_ptr<Cancellable>> coroutines_;
};

}  // namespace

TEST_SUITE("CoSemaphore") {
    TEST_CASE("acquire takes free permits at once, and release gives them back") {
        CoSemaphore semaphore(3);
        Cancellable coroutine([&] {
            semaphore.acquire();
            CHECK(semaphore.available() == 2);
            semaphore.acquire(2);
            CHECK(semaphore.available() == 0);
            semaphore.release(3);
        });
        CHECK(coroutine.done());
        CHECK(semaphore.available() == 3);
    }

    TEST_CASE("try_acquire never waits, and works outside coroutines") {
        CoSemaphore semaphore(2);
        CHECK_FALSE(semaphore.try_acquire(3));
        CHECK(semaphore.try_acquire(2));
        CHECK_FALSE(semaphore.try_acquire());
        CHECK(semaphore.try_acquire(0));
        semaphore.release(2);
        CHECK(semaphore.available() == 2);
    }

    TEST_CASE("a semaphore may start at zero, and release may add permits") {
        CoSemaphore semaphore(0);
        Cancellable waiter([&] { semaphore.acquire(); });
        CHECK_FALSE(waiter.done());
        semaphore.release(2);
        CHECK(semaphore.available() == 1);
        run_ready();
        CHECK(waiter.done());
    }

    TEST_CASE("a semaphore limits how many coroutines are inside") {
        CoSemaphore semaphore(2);
        CoQueue leave;
        int inside = 0;
        int most = 0;
        std::vector<std::unique_ptr<Cancellable>> coroutines;
        for (int i = 0; i < 6; ++i) {
            coroutines.push_back(std::make_unique<Cancellable>([&] {
                semaphore.acquire();
                most = std::max(most, ++inside);
                leave.wait();
                --inside;
                semaphore.release();
            }));
        }
        for (int i = 0; i < 6; ++i) {
            CHECK(inside == (i < 5 ? 2 : 1));
            leave.wake_one();
            run_ready();
        }
        CHECK(most == 2);
        CHECK(inside == 0);
        CHECK(semaphore.available() == 2);
    }

    // | a (3)        | b (1)        | main         |
    // | <acquire 3>  |              |              |
    // |              | <acquire 1>  |              |
    // |              |              | release 2    |
    // |              |              | release 1    |
    // | (has 3)      |              |              |
    // |              |              | release 1    |
    // |              | (has 1)      |              |
    TEST_CASE("permits are granted in the order of asking, also past what could be met") {
        CoSemaphore semaphore(0);
        std::string order;
        Cancellable a([&] {
            semaphore.acquire(3);
            order += 'a';
        });
        Cancellable b([&] {
            semaphore.acquire(1);
            order += 'b';
        });
        semaphore.release(2);
        run_ready();
        CHECK(order.empty());
        CHECK(semaphore.available() == 2);
        CHECK_FALSE(semaphore.try_acquire());  // nor does this pass those who wait
        CHECK_FALSE(semaphore.try_acquire(0));
        semaphore.release();
        run_ready();
        CHECK(order == "a");
        semaphore.release();
        run_ready();
        CHECK(order == "ab");
    }

    TEST_CASE("one release wakes all whom it can serve") {
        CoSemaphore semaphore(0);
        Cancellable a([&] { semaphore.acquire(1); });
        Cancellable b([&] { semaphore.acquire(2); });
        Cancellable c([&] { semaphore.acquire(2); });
        semaphore.release(4);
        run_ready();
        CHECK(a.done());
        CHECK(b.done());
        CHECK_FALSE(c.done());
        CHECK(semaphore.available() == 1);
        semaphore.release();
        run_ready();
        CHECK(c.done());
    }

    TEST_CASE("free permits are taken even by a cancelled coroutine") {
        CoSemaphore semaphore(1);
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            semaphore.acquire();
        });
        CHECK_FALSE(coroutine.cut_short());
        CHECK(semaphore.available() == 0);
    }

    TEST_CASE("a cancelled coroutine does not wait for permits, and takes none") {
        CoSemaphore semaphore(1);
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            semaphore.acquire(2);
        });
        CHECK(coroutine.cut_short());
        CHECK(semaphore.available() == 1);
    }

    TEST_CASE("a request that is cancelled while it waits takes no permits") {
        CoSemaphore semaphore(0);
        Cancellable first([&] { semaphore.acquire(); });
        Cancellable second([&] { semaphore.acquire(); });
        first.cancel();
        semaphore.release();
        run_ready();
        CHECK(first.cut_short());
        CHECK(second.done());
        CHECK_FALSE(second.cut_short());
        CHECK(semaphore.available() == 0);
    }

    // | large (3)    | a (1)        | b (1)        | main         |
    // | <acquire 3>  |              |              |              |
    // |              | <acquire 1>  |              |              |
    // |              |              | <acquire 1>  |              |
    // |              |              |              | cancel large |
    // | <Cancelled>  |              |              |              |
    // |              | (has 1)      |              |              |
    // |              |              | (has 1)      |              |
    TEST_CASE("a large request that is cancelled lets the smaller ones behind it through") {
        CoSemaphore semaphore(2);
        Cancellable large([&] { semaphore.acquire(3); });
        Cancellable a([&] { semaphore.acquire(); });
        Cancellable b([&] { semaphore.acquire(); });
        CHECK_FALSE(a.done());
        large.cancel();
        run_ready();
        CHECK(large.cut_short());
        CHECK(a.done());
        CHECK(b.done());
        CHECK(semaphore.available() == 0);
    }

    TEST_CASE("granted and then cancelled in the same turn, a request has its permits") {
        CoSemaphore semaphore(0);
        bool acquired = false;
        Cancellable waiter([&] {
            semaphore.acquire(2);
            acquired = true;
            check_cancelled();
        });
        semaphore.release(2);
        waiter.cancel();
        run_ready();
        CHECK(acquired);
        CHECK(waiter.cut_short());
        CHECK(semaphore.available() == 0);
    }

    TEST_CASE("cancelled and then released in the same turn, the permits go to the next request") {
        CoSemaphore semaphore(0);
        Cancellable first([&] { semaphore.acquire(2); });
        bool granted = false;
        Cancellable second([&] {
            semaphore.acquire();
            granted = true;
        });
        first.cancel();
        semaphore.release();
        CHECK(semaphore.available() == 0);
        run_ready();
        CHECK(first.cut_short());
        CHECK(granted);
    }

    TEST_CASE("inside a shield a request for permits waits on") {
        CoSemaphore semaphore(0);
        Cancellable waiter([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            semaphore.acquire();
        });
        waiter.cancel();
        run_ready();
        CHECK_FALSE(waiter.done());
        semaphore.release();
        run_ready();
        CHECK(waiter.done());
    }

    TEST_CASE("waiting for permits outside a coroutine is misuse") {
        expect_misuse([] { CoSemaphore(0).acquire(); },
                      "cannot wait (acquire a semaphore) outside a coroutine");
    }

    TEST_CASE("destroying a semaphore that a coroutine waits for is misuse") {
        expect_misuse(
            [] {
                auto semaphore = std::make_unique<CoSemaphore>(0);
                const Cancellable waiter([&] { semaphore->acquire(); }, "waiter");
                semaphore.reset();
            },
            "a CoSemaphore was destroyed while coroutine \"waiter\" waits: acquire a semaphore");
    }

    TEST_CASE("whatever is cancelled when, permits are neither lost nor made, and go in turn") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(SemaphoreStress(seed).run());
        }
    }
}
