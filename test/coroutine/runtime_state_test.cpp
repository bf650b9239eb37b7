// SPDX-License-Identifier: MIT
//
// What the language runtime and the processor keep once per thread, each coroutine has for itself.
#include <cerrno>
#include <cfenv>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>

using namespace coloop;

namespace {

std::string current_text() {
    try {
        std::rethrow_exception(std::current_exception());
    } catch (const std::exception& error) {
        return error.what();
    }
}

/// Yields while an exception passes.
struct YieldsAtEnd {
    std::vector<int>& seen;

    ~YieldsAtEnd() {
        seen.push_back(std::uncaught_exceptions());
        Coroutine::yield();
        seen.push_back(std::uncaught_exceptions());
    }
};

/// Stays inside `depth` nested handlers, and yields in each on the way in and on the way out.
void nest(const std::string& name, int depth, int& errors) {
    const std::string mine = name + std::to_string(depth);
    try {
        throw std::runtime_error(mine);
    } catch (const std::exception& error) {
        Coroutine::yield();
        errors += current_text() != mine ? 1 : 0;
        if (depth > 0) {
            nest(name, depth - 1, errors);
        }
        Coroutine::yield();
        errors += error.what() != mine ? 1 : 0;
        errors += current_text() != mine ? 1 : 0;
        try {
            throw;
        } catch (const std::exception& again) {
            Coroutine::yield();
            errors += &again != &error ? 1 : 0;
        }
    }
    errors += depth == 0 && std::uncaught_exceptions() != 0 ? 1 : 0;
}

double third() {
    volatile double one = 1.0;  // or the compiler would divide
    return one / 3.0;
}

void finish(Coroutine& coroutine) {
    while (!coroutine.done()) {
        coroutine.enter();
    }
}

}  // namespace

TEST_SUITE("exception state") {
    TEST_CASE("two coroutines inside handlers each see their own exception") {
        std::string seen;
        const auto body = [&seen](const char* text) {
            return [&seen, text] {
                try {
                    throw std::runtime_error(text);
                } catch (const std::exception& error) {
                    Coroutine::yield();
                    seen += error.what() + current_text();
                    Coroutine::yield();
                    try {
                        throw;
                    } catch (const std::exception& again) {
                        seen += again.what();
                    }
                }
                seen += std::current_exception() ? '!' : '.';
            };
        };
        Coroutine first(body("1"));
        Coroutine second(body("2"));
        first.enter();
        second.enter();
        first.enter();
        second.enter();
        first.enter();
        second.enter();
        CHECK(seen == "11221.2.");
        CHECK(std::current_exception() == nullptr);
    }

    TEST_CASE("coroutines in nested handlers, entered in any order, keep them apart") {
        for (unsigned seed = 0; seed < 20; ++seed) {
            std::mt19937 random(seed);
            int errors = 0;
            std::vector<std::unique_ptr<Coroutine>> coroutines;
            for (int i = 0; i < 16; ++i) {
                coroutines.push_back(std::make_unique<Coroutine>(
                    [&errors, i] { nest(std::to_string(i) + ':', i % 5, errors); }));
            }
            while (!coroutines.empty()) {
                auto chosen =
                    coroutines.begin() + static_cast<std::ptrdiff_t>(random() % coroutines.size());
                (*chosen)->enter();
                errors += std::current_exception() ? 1 : 0;
                if ((*chosen)->done()) {
                    coroutines.erase(chosen);
                }
            }
            INFO("seed ", seed);
            CHECK(errors == 0);
        }
    }

    TEST_CASE("a coroutine entered in a handler starts with no exception of its own") {
        bool none = false;
        std::string after;
        try {
            throw std::runtime_error("outer");
        } catch (const std::exception&) {
            Coroutine coroutine([&] {
                none = !std::current_exception();
                try {
                    throw std::runtime_error("inner");
                } catch (const std::exception&) {
                    Coroutine::yield();
                }
            });
            coroutine.enter();
            after = current_text();
            coroutine.enter();
            after += current_text();
        }
        CHECK(none);
        CHECK(after == "outerouter");
    }

    TEST_CASE("a destructor may yield while an exception passes, and others see none") {
        std::vector<int> seen;
        bool caught = false;
        Coroutine coroutine([&] {
            try {
                const YieldsAtEnd outer{seen};
                const YieldsAtEnd inner{seen};
                throw std::runtime_error("passing");
            } catch (const std::exception&) {
                caught = true;
                seen.push_back(std::uncaught_exceptions());
            }
        });
        coroutine.enter();
        CHECK(std::uncaught_exceptions() == 0);
        CHECK_THROWS_AS(throw 1, int);
        coroutine.enter();
        CHECK(std::uncaught_exceptions() == 0);
        finish(coroutine);
        CHECK(caught);
        CHECK(seen == std::vector<int>{1, 1, 1, 1, 0});
    }

    TEST_CASE("a coroutine entered by a destructor during unwinding sees no exception") {
        int inside = -1;

        struct Enters {
            int& inside;

            ~Enters() {
                Coroutine coroutine([this] {
                    inside = std::uncaught_exceptions();
                    try {
                        throw 1;
                    } catch (int) {
                        ++inside;
                    }
                });
                coroutine.enter();
            }
        };

        try {
            const Enters enters{inside};
            throw std::runtime_error("passing");
        } catch (const std::exception&) {
        }
        CHECK(inside == 1);
    }

    TEST_CASE("an exception_ptr is good in other coroutines and outlives its own") {
        std::exception_ptr pointer;
        std::string seen;
        {
            Coroutine thrower([&] {
                try {
                    throw std::runtime_error("carried");
                } catch (...) {
                    pointer = std::current_exception();
                }
            });
            thrower.enter();
        }
        Coroutine catcher([&] {
            try {
                std::rethrow_exception(pointer);
            } catch (const std::exception& error) {
                Coroutine::yield();
                seen += error.what();
            }
        });
        catcher.enter();
        CHECK_THROWS_WITH(std::rethrow_exception(pointer), "carried");
        catcher.enter();
        CHECK(seen == "carried");
    }

    TEST_CASE("call_with_stack belongs to its caller's exceptions") {
        std::string seen;
        Coroutine coroutine([&] {
            try {
                throw std::runtime_error("mine");
            } catch (const std::exception&) {
                call_with_stack(std::size_t{1} << 20, [&] {
                    seen = current_text();
                    Coroutine::yield();
                    seen += current_text();
                });
            }
        });
        coroutine.enter();
        CHECK(std::current_exception() == nullptr);
        coroutine.enter();
        CHECK(seen == "minemine");
    }
}

TEST_SUITE("errno") {
    TEST_CASE("each coroutine has its own errno, which begins as 0") {
        errno = 7;
        int at_start = -1;
        int later = -1;
        Coroutine coroutine([&] {
            at_start = errno;
            errno = 8;
            Coroutine::yield();
            later = errno;
        });
        coroutine.enter();
        CHECK(errno == 7);
        errno = 9;
        coroutine.enter();
        CHECK(errno == 9);
        CHECK(at_start == 0);
        CHECK(later == 8);
    }

    TEST_CASE("the errno of a coroutine that has ended is gone") {
        errno = 7;
        Coroutine coroutine([] { errno = 8; });
        coroutine.enter();
        CHECK(errno == 7);
    }
}

TEST_SUITE("floating-point control") {
    TEST_CASE("each coroutine has its own rounding mode") {
        const double nearest = third();
        double up = 0;
        double up_again = 0;
        Coroutine coroutine([&] {
            std::fesetround(FE_UPWARD);
            up = third();
            Coroutine::yield();
            up_again = third();
        });
        coroutine.enter();
        CHECK(std::fegetround() == FE_TONEAREST);
        CHECK(third() == nearest);
        coroutine.enter();
        CHECK(up > nearest);
        CHECK(up_again == up);
        CHECK(std::fegetround() == FE_TONEAREST);
    }

    TEST_CASE("a new coroutine inherits the rounding mode of whoever first enters it") {
        int inside = -1;
        Coroutine coroutine([&] { inside = std::fegetround(); });
        std::fesetround(FE_DOWNWARD);
        coroutine.enter();
        CHECK(std::fegetround() == FE_DOWNWARD);
        std::fesetround(FE_TONEAREST);
        CHECK(inside == FE_DOWNWARD);
    }

    TEST_CASE("a coroutine entered from another one inherits from that") {
        int inside = -1;
        Coroutine outer([&] {
            std::fesetround(FE_UPWARD);
            Coroutine inner([&] { inside = std::fegetround(); });
            inner.enter();
        });
        outer.enter();
        CHECK(inside == FE_UPWARD);
    }

#if defined(__SSE2__)
    TEST_CASE("flush-to-zero set in one coroutine is not felt in others") {
        constexpr unsigned flush_to_zero = 0x8000;
        volatile float tiny = 1e-38F;
        float inside = -1;
        Coroutine coroutine([&] {
            _mm_setcsr(_mm_getcsr() | flush_to_zero);
            Coroutine::yield();
            inside = tiny * 0.1F;
        });
        coroutine.enter();
        CHECK((_mm_getcsr() & flush_to_zero) == 0);
        CHECK(tiny * 0.1F > 0);
        coroutine.enter();
        CHECK(inside == 0);
        CHECK((_mm_getcsr() & flush_to_zero) == 0);
    }
#endif

#if !defined(COLOOP_CONTEXT_UCONTEXT)  // swapcontext() also switches the sticky flags
    TEST_CASE("sticky flags belong to the thread, and differing ones stay as they are") {
        std::feclearexcept(FE_ALL_EXCEPT);
        int inside = -1;
        Coroutine coroutine([&] {
            std::fesetround(FE_UPWARD);  // so that the switch does load the control register
            std::feraiseexcept(FE_OVERFLOW);
            Coroutine::yield();
            inside = std::fetestexcept(FE_OVERFLOW | FE_DIVBYZERO);
        });
        coroutine.enter();
        CHECK(std::fetestexcept(FE_OVERFLOW) != 0);
        std::feraiseexcept(FE_DIVBYZERO);
        coroutine.enter();
        CHECK(inside == (FE_OVERFLOW | FE_DIVBYZERO));
        std::feclearexcept(FE_ALL_EXCEPT);
    }
#endif
}
