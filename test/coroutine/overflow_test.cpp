// SPDX-License-Identifier: MIT
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <alloca.h>
#include <sys/mman.h>

#include <doctest/doctest.h>

#include <coloop/call_with_stack.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/overflow.hpp>

#include "support/death.hpp"
#include "support/memory.hpp"

using namespace coloop;

namespace {

// Volatile, so that no compiler may turn a recursion into a loop or leave out a frame.
volatile int depth_wanted = 1'000'000'000;

[[gnu::noinline]] int recurse(int depth) {
    volatile char frame[512];
    frame[0] = static_cast<char>(depth);
    return depth < depth_wanted ? recurse(depth + 1) + frame[0] : 0;
}

/// A frame that is larger than a guard, built with stack clash protection as the library is.
[[gnu::noinline]] int huge_frame(int calls) {
    volatile char frame[100'000];
    for (std::size_t i = sizeof frame; i > 0; i -= 1000) {
        frame[i - 1000] = static_cast<char>(i);
    }
    return calls > 0 ? huge_frame(calls - 1) + frame[0] : frame[99'000];
}

[[gnu::noinline]] void print_deep(int depth) {
    char text[400];
    std::snprintf(text, sizeof text, "%300.200Lf", 1.0L / depth);
    if (depth < depth_wanted) {
        print_deep(depth + 1);
    }
    volatile char last = text[0];
    static_cast<void>(last);
}

[[gnu::noinline]] int allocate(std::size_t size) {
    auto* memory = static_cast<volatile char*>(alloca(size));
    for (std::size_t i = size; i > 0; i -= std::min<std::size_t>(i, 512)) {
        memory[i - 1] = 1;
    }
    return memory[size - 1];
}

/// Far from all stacks. Not a null pointer, for UndefinedBehaviorSanitizer looks out for those.
char* forbidden_page() {
    alignas(65536) static char page[65536];
    mprotect(page, sizeof page, PROT_NONE);
    return page;
}

void touch(volatile char* place) { *place = 1; }

Death overflow_in_coroutine(const CoroutineOptions& options, void (*body)()) {
    return die([&] {
        report_stack_overflow();
        Coroutine coroutine(body, options);
        coroutine.enter();
    });
}

constexpr CoroutineOptions parser{.name = "parser", .stack_size = std::size_t{256} << 10};

void check_report(const Death& death, const std::string& who, const std::string& size) {
    CHECK(death.signal == SIGSEGV);
    const std::string line = death.words.substr(0, death.words.find('\n'));
    INFO(line);
    CHECK(line.find("coloop: " + who) == 0);
    CHECK(line.find(" overflowed its stack of " + size + " bytes at address 0x") !=
          std::string::npos);
    CHECK(line.find("; give it more (") != std::string::npos);
}

}  // namespace

TEST_SUITE("report_stack_overflow") {
    TEST_CASE("endless recursion is reported with name, size and address, and ends by SIGSEGV") {
        const Death death = overflow_in_coroutine(parser, [] { recurse(0); });
        check_report(death, "coroutine \"parser\"", "262144");
        CHECK(doctest::String(death.words.c_str()) ==
              doctest::Contains("(CoroutineOptions::stack_size) or run what needs it by "
                                "call_with_stack()"));
    }

    TEST_CASE("the report ends with a backtrace") {
        const Death death = overflow_in_coroutine(parser, [] { recurse(0); });
        std::size_t lines = 0;
        for (const char c : death.words) {
            lines += c == '\n' ? 1 : 0;
        }
        CHECK(lines > 10);
        CHECK(doctest::String(death.words.c_str()) == doctest::Contains("test-coroutine"));
    }

    TEST_CASE("a frame that is larger than the guard is reported") {
        check_report(overflow_in_coroutine(parser, [] { huge_frame(5); }), "coroutine \"parser\"",
                     "262144");
    }

    TEST_CASE("alloca of more than the stack is reported") {
        check_report(overflow_in_coroutine(parser, [] { allocate(std::size_t{260} << 10); }),
                     "coroutine \"parser\"", "262144");
    }

    TEST_CASE("an overflow inside printf is reported") {
        check_report(overflow_in_coroutine(parser, [] { print_deep(1); }), "coroutine \"parser\"",
                     "262144");
    }

#if !defined(COLOOP_TSAN)  // which calls handlers with all signals blocked, so SIGSEGV is final
    TEST_CASE("an overflow in a signal handler on the coroutine's stack is reported") {
        check_report(overflow_in_coroutine(parser,
                                           [] {
                                               std::signal(SIGUSR1, [](int) { recurse(0); });
                                               std::raise(SIGUSR1);
                                           }),
                     "coroutine \"parser\"", "262144");
    }
#endif

    TEST_CASE("a coroutine without a name is reported by its address") {
        check_report(
            overflow_in_coroutine({.stack_size = std::size_t{64} << 10}, [] { recurse(0); }),
            "coroutine 0x", "65536");
    }

    TEST_CASE("the smallest stack is reported, too") {
        check_report(overflow_in_coroutine({.name = "tiny", .stack_size = 1}, [] { recurse(0); }),
                     "coroutine \"tiny\"", "16384");
    }

    TEST_CASE("the innermost of nested coroutines is the one that is named") {
        check_report(overflow_in_coroutine(parser,
                                           [] {
                                               Coroutine inner(
                                                   [] { recurse(0); },
                                                   {.name = "inner", .stack_size = 128 << 10});
                                               inner.enter();
                                           }),
                     "coroutine \"inner\"", "131072");
    }

    TEST_CASE("a coroutine on a stack of call_with_stack is reported with that stack's size") {
        check_report(overflow_in_coroutine(
                         parser, [] { call_with_stack(std::size_t{1} << 20, [] { recurse(0); }); }),
                     "coroutine \"parser\"", "1048576");
    }

    TEST_CASE("after call_with_stack has returned the coroutine's own stack counts again") {
        check_report(overflow_in_coroutine(parser,
                                           [] {
                                               call_with_stack(std::size_t{1} << 20, [] {});
                                               recurse(0);
                                           }),
                     "coroutine \"parser\"", "262144");
    }

    TEST_CASE("call_with_stack outside coroutines is reported as such") {
        const Death death = die([] {
            report_stack_overflow();
            call_with_stack(std::size_t{1} << 20, [] { recurse(0); });
        });
        check_report(death, "a function outside coroutines", "1048576");
    }

    TEST_CASE("an overflow on another thread is reported if it asked, too") {
        const Death death = die([] {
            report_stack_overflow();
            std::thread([] {
                report_stack_overflow();
                Coroutine coroutine([] { recurse(0); }, parser);
                coroutine.enter();
            }).join();
        });
        check_report(death, "coroutine \"parser\"", "262144");
    }

    TEST_CASE("overflows on two threads at once still say who it was") {
        const Death death = die([] {
            std::atomic<int> ready = 0;
            const auto overflow = [&ready] {
                report_stack_overflow();
                Coroutine coroutine(
                    [&ready] {
                        ++ready;
                        while (ready < 2) {
                        }
                        recurse(0);
                    },
                    parser);
                coroutine.enter();
            };
            std::thread first(overflow);
            std::thread second(overflow);
            first.join();
            second.join();
        });
        check_report(death, "coroutine \"parser\"", "262144");
    }

    TEST_CASE("a thread without an alternate stack gets one, large enough") {
        const Death death = die([] {
            static stack_t given{};
            std::thread([] {
                stack_t none{};
                none.ss_flags = SS_DISABLE;
                sigaltstack(&none, nullptr);
                report_stack_overflow();
                sigaltstack(nullptr, &given);
            }).join();
            const auto least = static_cast<std::size_t>(sysconf(_SC_MINSIGSTKSZ)) + 16'384;
            _exit(given.ss_flags == 0 && given.ss_size >= least ? 7 : 1);
        });
        CHECK(death.exit_code == 7);
    }

    TEST_CASE("alternate stacks are gone with their threads") {
        const Death death = die([] {
            const auto report_on_threads = [] {
                for (int i = 0; i < 100; ++i) {
                    std::thread([] {
                        stack_t none{};
                        none.ss_flags = SS_DISABLE;
                        sigaltstack(&none, nullptr);
                        report_stack_overflow();
                    }).join();
                }
            };
            report_on_threads();  // the C library keeps things of threads, too
            const std::size_t before = mapping_count();
            report_on_threads();
            _exit(mapping_count() < before + 10 ? 7 : 1);
        });
        CHECK(death.exit_code == 7);
    }

    TEST_CASE("an alternate stack that is large enough is kept") {
        const Death death = die([] {
            static char memory[std::size_t{256} << 10];
            stack_t mine{};
            mine.ss_sp = memory;
            mine.ss_size = sizeof memory;
            sigaltstack(&mine, nullptr);
            report_stack_overflow();
            stack_t now{};
            sigaltstack(nullptr, &now);
            _exit(now.ss_sp == memory ? 7 : 1);
        });
        CHECK(death.exit_code == 7);
    }

    TEST_CASE("other faults end as they would have") {
        const Death wild = die([] {
            report_stack_overflow();
            Coroutine coroutine([] { touch(forbidden_page()); });
            coroutine.enter();
        });
        CHECK(wild.signal == SIGSEGV);
        CHECK(wild.words.find("overflowed") == std::string::npos);

        const Death sent = die([] {
            report_stack_overflow();
            std::raise(SIGSEGV);
        });
        CHECK(sent.signal == SIGSEGV);
        const Death bus = die([] {
            report_stack_overflow();
            std::raise(SIGBUS);
        });
        CHECK(bus.signal == SIGBUS);
    }

    TEST_CASE("faults that are none of ours go to the handler that was there before") {
        const Death death = die([] {
            struct sigaction action {};
            action.sa_flags = SA_SIGINFO;
            action.sa_sigaction = [](int number, siginfo_t* info, void*) {
                _exit(number == SIGSEGV && info->si_addr == forbidden_page() ? 42 : 1);
            };
            sigaction(SIGSEGV, &action, nullptr);
            report_stack_overflow();
            touch(forbidden_page());
        });
        CHECK(death.exit_code == 42);
        const Death simple = die([] {
            std::signal(SIGSEGV, [](int) { _exit(43); });
            report_stack_overflow();
            std::raise(SIGSEGV);
        });
        CHECK(simple.exit_code == 43);
        const Death ignored = die([] {
            std::signal(SIGSEGV, SIG_IGN);
            report_stack_overflow();
            std::raise(SIGSEGV);
        });
        CHECK(ignored.signal == 0);
        CHECK(ignored.exit_code == 0);
    }

    TEST_CASE("the handler before ours also sees the overflow, after the report") {
        const Death death = die([] {
            struct sigaction action {};
            action.sa_flags = SA_SIGINFO | SA_ONSTACK;
            action.sa_sigaction = [](int, siginfo_t*, void*) { _exit(44); };
            sigaction(SIGSEGV, &action, nullptr);
            report_stack_overflow();
            Coroutine coroutine([] { recurse(0); }, parser);
            coroutine.enter();
        });
        CHECK(death.exit_code == 44);
        CHECK(doctest::String(death.words.c_str()) ==
              doctest::Contains("coroutine \"parser\" overflowed"));
    }

    TEST_CASE("without it an overflow ends the process without a word") {
        const Death death = die([] {
            Coroutine coroutine([] { recurse(0); }, parser);
            coroutine.enter();
        });
        CHECK(death.signal == SIGSEGV);
#if !defined(COLOOP_EMULATED)  // which has a word to say
        CHECK(death.words.empty());
#endif
    }
}
