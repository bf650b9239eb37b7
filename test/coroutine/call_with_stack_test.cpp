// SPDX-License-Identifier: MIT
#include <functional>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/co_queue.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "context/stack.hpp"
#include "support/death.hpp"

using namespace coloop;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

const std::byte* here() { return static_cast<const std::byte*>(__builtin_frame_address(0)); }

/// True if an address lies on the stack that the system gave the calling thread.
bool on_thread_stack(const void* address) {
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    void* low = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    const auto* place = static_cast<const std::byte*>(address);
    return place >= low && place < static_cast<std::byte*>(low) + size;
}

void run_in_coroutine(const std::function<void()>& function) {
    Coroutine coroutine(function);
    coroutine.enter();
    CHECK(coroutine.done());
}

/// Uses about `bytes` of stack.
[[gnu::noinline]] std::size_t dig(std::size_t bytes) {
    volatile char frame[1024] = {1};
    return bytes > sizeof frame ? dig(bytes - sizeof frame) + static_cast<std::size_t>(frame[0])
                                : static_cast<std::size_t>(frame[0]);
}

}  // namespace

TEST_SUITE("call_with_stack") {
    TEST_CASE("the function runs on another stack in the same coroutine") {
        run_in_coroutine([] {
            Coroutine* self = Coroutine::self();
            const std::size_t own_size = self->stack_size();
            const std::byte* outer = here();
            call_with_stack(4 * mebibyte, [&] {
                CHECK(Coroutine::self() == self);
                CHECK(self->stack_size() > 3 * mebibyte);
                CHECK(static_cast<std::size_t>(std::abs(here() - outer)) > own_size);
                CHECK(dig(3 * mebibyte) > 0);
            });
            CHECK(self->stack_size() == own_size);
        });
    }

    TEST_CASE("std::regex matches a line of 4 KB on 8 MiB") {
        run_in_coroutine([] {
            std::string line(4096, 'a');
            line += 'c';
            const std::regex expression("(a|b)*c");
#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
            constexpr std::size_t size = 64 * mebibyte;  // frames are several times larger
#else
            constexpr std::size_t size = 8 * mebibyte;
#endif
            CHECK(call_with_stack(size, [&] { return std::regex_match(line, expression); }));
        });
    }

    TEST_CASE("values, references and move-only types come back") {
        int number = 7;
        int& reference = call_with_stack(mebibyte, [&]() -> int& { return number; });
        CHECK(&reference == &number);
        auto pointer = call_with_stack(mebibyte, [] { return std::make_unique<int>(8); });
        CHECK(*pointer == 8);
        int&& moved = call_with_stack(mebibyte, [&]() -> int&& { return std::move(number); });
        CHECK(&moved == &number);

        struct Once {
            std::unique_ptr<int> held;

            std::unique_ptr<int> operator()() && { return std::move(held); }
        };

        CHECK(*call_with_stack(mebibyte, Once{std::make_unique<int>(9)}) == 9);
    }

    TEST_CASE("an exception comes back as the same object") {
        const auto throw_it = [] {
            const std::exception* thrown = nullptr;
            try {
                call_with_stack(mebibyte, [&] {
                    try {
                        throw std::runtime_error("deep");
                    } catch (const std::exception& error) {
                        thrown = &error;
                        throw;
                    }
                });
            } catch (const std::runtime_error& error) {
                CHECK(&error == thrown);
                CHECK(std::string(error.what()) == "deep");
                return;
            }
            FAIL("nothing was thrown");
        };
        throw_it();
        run_in_coroutine(throw_it);
        CHECK(std::uncaught_exceptions() == 0);
    }

    TEST_CASE("the function may yield and wait") {
        CoQueue queue;
        std::string order;
        Coroutine coroutine([&] {
            call_with_stack(mebibyte, [&] {
                order += 'a';
                Coroutine::yield();
                order += 'b';
                queue.wait();
                order += 'c';
            });
            order += 'd';
        });
        coroutine.enter();
        order += '1';
        coroutine.enter();
        order += '2';
        queue.wake_one();
        run_ready();
        CHECK(order == "a1b2cd");
        CHECK(coroutine.done());
    }

    TEST_CASE("many coroutines can be inside at once, in any order") {
        std::vector<std::unique_ptr<Coroutine>> coroutines;
        std::string order;
        for (int i = 0; i < 8; ++i) {
            coroutines.push_back(std::make_unique<Coroutine>([&order, i] {
                call_with_stack(mebibyte, [&] {
                    Coroutine::yield();
                    order += static_cast<char>('0' + i);
                });
            }));
            coroutines.back()->enter();
        }
        for (const int i : {3, 7, 0, 1, 6, 2, 5, 4}) {
            coroutines[static_cast<std::size_t>(i)]->enter();
        }
        CHECK(order == "37016254");
    }

    TEST_CASE("a wait inside is cancelled like any other") {
        CoQueue queue;
        CancelScope* inside = nullptr;
        bool cut_short = false;
        Coroutine coroutine([&] {
            CancelScope scope;
            inside = &scope;
            cut_short = !scope.run([&] { call_with_stack(mebibyte, [&] { queue.wait(); }); });
        });
        coroutine.enter();
        inside->cancel();
        run_ready();
        CHECK(coroutine.done());
        CHECK(cut_short);
    }

    TEST_CASE("calls nest, and each returns to the stack it came from") {
        run_in_coroutine([] {
            const std::size_t first = Coroutine::self()->stack_size();
            const int depth = call_with_stack(mebibyte, [&] {
                const std::size_t second = Coroutine::self()->stack_size();
                CHECK(second > first / 2);
                const int inner = call_with_stack(4 * mebibyte, [&] {
                    CHECK(Coroutine::self()->stack_size() > 3 * mebibyte);
                    Coroutine inner_coroutine([] { call_with_stack(mebibyte, [] {}); });
                    inner_coroutine.enter();
                    return 1;
                });
                CHECK(Coroutine::self()->stack_size() == second);
                return inner + 1;
            });
            CHECK(depth == 2);
            CHECK(Coroutine::self()->stack_size() == first);
        });
    }

    TEST_CASE("it works outside coroutines, where one still cannot yield") {
        CHECK(call_with_stack(4 * mebibyte, [] {
                  CHECK_FALSE(in_coroutine());
                  CHECK_FALSE(on_thread_stack(here()));
                  return dig(3 * mebibyte);
              }) > 0);
        CHECK(last_words([] { call_with_stack(mebibyte, [] { Coroutine::yield(); }); }) ==
              doctest::Contains("yield: there is no coroutine to yield from"));
    }

    TEST_CASE("the stack goes back to the pool, also after an exception") {
        const std::size_t before = stack_usage().in_use;
        call_with_stack(mebibyte, [&] { CHECK(stack_usage().in_use == before + 1); });
        CHECK_THROWS(call_with_stack(mebibyte, [] { throw 1; }));
        CHECK(stack_usage().in_use == before);
    }

    TEST_CASE("no such stack to be had is an error that says what was asked for") {
        try {
            call_with_stack(std::size_t{1} << 40, [] {});
            FAIL("there was one");
        } catch (const Error& error) {
            CHECK(error.code() == std::errc::not_enough_memory);
            CHECK(std::string(error.what()).find("call_with_stack 1099511627776 bytes") == 0);
        }
    }
}

TEST_SUITE("run_on_loop_stack") {
    TEST_CASE("the function runs on the thread's own stack and its value comes back") {
        run_in_coroutine([] {
            CHECK_FALSE(on_thread_stack(here()));
            CHECK(run_on_loop_stack([] { return on_thread_stack(here()) ? 5 : 0; }) == 5);
            CHECK_FALSE(on_thread_stack(here()));
        });
    }

    TEST_CASE("it leaves alone what lies on the thread's stack") {
        std::vector<int> outside(1000, 3);
        volatile int frame[256];
        for (volatile int& value : frame) {
            value = 4;
        }
        run_in_coroutine([] {
            run_in_coroutine([] { CHECK(run_on_loop_stack([] { return dig(100'000); }) > 0); });
        });
        for (const volatile int& value : frame) {
            REQUIRE(value == 4);
        }
        CHECK(outside == std::vector<int>(1000, 3));
    }

    TEST_CASE("outside coroutines it is a plain call") {
        const std::byte* outer = here();
        CHECK(std::abs(run_on_loop_stack([] { return here(); }) - outer) < 16 << 10);
    }

    TEST_CASE("exceptions pass") {
        run_in_coroutine([] {
            CHECK_THROWS_WITH(run_on_loop_stack([] { throw std::runtime_error("from there"); }),
                              "from there");
        });
    }

    TEST_CASE("it works from a call_with_stack, in a coroutine and outside") {
        const auto call = [] {
            call_with_stack(mebibyte, [] {
                CHECK_FALSE(on_thread_stack(here()));
                CHECK(run_on_loop_stack([] { return on_thread_stack(here()); }));
            });
        };
        call();
        run_in_coroutine(call);
        call_with_stack(mebibyte, [&] { run_in_coroutine(call); });
    }

    TEST_CASE("inside, the thread is outside coroutines but can enter others") {
        std::string order;
        Coroutine other([&] {
            order += 'b';
            run_on_loop_stack([&] {
                order += on_thread_stack(here()) ? 'c' : '?';
                CHECK(dig(10'000) > 0);
            });
            Coroutine::yield();
            order += 'e';
        });
        run_in_coroutine([&] {
            Coroutine* self = Coroutine::self();
            run_on_loop_stack([&] {
                CHECK(Coroutine::self() == nullptr);
                order += 'a';
                other.enter();
                order += 'd';
            });
            CHECK(Coroutine::self() == self);
        });
        other.enter();
        CHECK(order == "abcde");
    }

    TEST_CASE("it works on threads") {
        std::thread([] {
            run_in_coroutine(
                [] { CHECK(run_on_loop_stack([] { return on_thread_stack(here()); })); });
        }).join();
    }

    TEST_CASE("nobody can wait or yield there") {
        CHECK(last_words([] {
                  Coroutine coroutine([] { run_on_loop_stack([] { Coroutine::yield(); }); },
                                      {.name = "script"});
                  coroutine.enter();
              }) == doctest::Contains("yield: coroutine \"script\" is inside run_on_loop_stack(), "
                                      "where it cannot stop; return from there first"));
        CHECK(last_words([] {
                  CoQueue queue("read a stone");
                  Coroutine coroutine([&] { run_on_loop_stack([&] { queue.wait(); }); },
                                      {.name = "script"});
                  coroutine.enter();
              }) == doctest::Contains("cannot wait (read a stone): coroutine \"script\" is inside "
                                      "run_on_loop_stack()"));
    }
}
