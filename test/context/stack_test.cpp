// SPDX-License-Identifier: MIT
#include "context/stack.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "context/guard.hpp"
#include "support/death.hpp"
#include "support/memory.hpp"

using namespace coloop;

namespace {

#if defined(COLOOP_ASAN) || defined(COLOOP_TSAN)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Sanitizers and emulators use memory of their own for each page of ours.
#if defined(COLOOP_EMULATED)
constexpr bool memory_is_ours = false;
#else
constexpr bool memory_is_ours = !sanitized;
#endif

constexpr std::size_t size = std::size_t{256} << 10;

std::vector<Stack*> take(std::size_t count) {
    std::vector<Stack*> stacks(count);
    for (Stack*& stack : stacks) {
        stack = take_stack(size);
        REQUIRE(stack != nullptr);
    }
    return stacks;
}

void give(const std::vector<Stack*>& stacks) {
    for (Stack* stack : stacks) {
        give_stack(*stack);
    }
}

void trim_all() {
    trim_stacks();  // this call only takes note of what is unused
    while (trim_stacks()) {
    }
}

/// On a thread, with pools of its own.
template <typename Function>
void with_fresh_pools(Function function) {
    std::thread(function).join();
}

}  // namespace

TEST_SUITE("take_stack") {
    TEST_CASE("a stack spans a power of two that is at least what was asked for") {
        for (const std::size_t wanted :
             {std::size_t{1}, std::size_t{16} << 10, std::size_t{100'000}, size, size + 1}) {
            Stack* stack = take_stack(wanted);
            CHECK(stack->span() >= wanted);
            CHECK(stack->span() < std::max(2 * wanted, std::size_t{32} << 10));
            CHECK(stack->size() < stack->span());
            std::memset(stack->low, 1, stack->size());
            give_stack(*stack);
        }
    }

    TEST_CASE("the newest free stack is used first") {
        const std::vector<Stack*> stacks = take(3);
        give(stacks);
        CHECK(take_stack(size) == stacks[2]);
        CHECK(take_stack(size) == stacks[1]);
        give_stack(*stacks[2]);
        CHECK(take_stack(size) == stacks[2]);
        give({stacks[1], stacks[2]});
    }

    TEST_CASE("the tops of stacks lie at many offsets in their pages") {
        const std::vector<Stack*> stacks = take(80);
        std::set<std::uintptr_t> offsets;
        for (Stack* stack : stacks) {
            offsets.insert(reinterpret_cast<std::uintptr_t>(stack->top()) % 4096);
        }
        CHECK(offsets.size() >= 32);
        give(stacks);
    }

    TEST_CASE("figures count what is taken and what is free") {
        with_fresh_pools([] {
            CHECK(stack_usage().in_use == 0);
            CHECK(stack_usage().pooled == 0);
            const std::vector<Stack*> stacks = take(10);
            CHECK(stack_usage().in_use == 10);
            give(stacks);
            CHECK(stack_usage().in_use == 0);
            CHECK(stack_usage().pooled == 10);
        });
    }

    TEST_CASE("sizes beyond 1 GiB are refused") {
        CHECK(take_stack((std::size_t{1} << 30) + 1) == nullptr);
        CHECK(take_stack(SIZE_MAX) == nullptr);
    }

    TEST_CASE("only stacks with an owner are visited") {
        with_fresh_pools([] {
            const std::vector<Stack*> stacks = take(5);
            int owner = 0;
            stacks[1]->owner = stacks[3]->owner = &owner;
            std::vector<Stack*> visited;
            for_each_stack(
                [](Stack& stack, void* context) {
                    static_cast<std::vector<Stack*>*>(context)->push_back(&stack);
                },
                &visited);
            CHECK(visited == std::vector<Stack*>{stacks[1], stacks[3]});
            give(stacks);
        });
    }

    TEST_CASE("the pools of a thread are gone with it") {
        with_fresh_pools([] { give(take(100)); });  // the C library keeps things of threads, too
        const std::size_t before = mapping_count();
        for (int i = 0; i < 20; ++i) {
            with_fresh_pools([] { give(take(100)); });
        }
        CHECK(mapping_count() <= before + 4);
    }

#if !defined(COLOOP_EMULATED)  // which keeps advice to itself
    TEST_CASE("no stack of a slab is in huge pages") {
        Stack* stack = take_stack(size);
        const std::string entry = mapping_of(stack->low);
        INFO(entry);
        CHECK(entry.find("AnonHugePages:         0 kB") != std::string::npos);
        CHECK(entry.substr(entry.find("VmFlags:")).find(" nh") != std::string::npos);
        give_stack(*stack);
    }
#endif

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)  // which reserve terabytes themselves
    TEST_CASE("when the address space is used up creation fails with an Error") {
        const Death death = die([] {
            std::vector<std::unique_ptr<Coroutine>> coroutines;
            coroutines.reserve(10'000);
            const rlimit limit{std::size_t{1} << 29, std::size_t{1} << 29};
            setrlimit(RLIMIT_AS, &limit);
            try {
                for (;;) {
                    coroutines.push_back(std::make_unique<Coroutine>([] {}));
                }
            } catch (const Error& error) {
                const bool expected = error.code() == std::errc::not_enough_memory;
                _exit(expected && coroutines.size() > 1000 ? 7 : 1);
            }
        });
        CHECK(death.exit_code == 7);
    }
#endif
}

TEST_SUITE("trim_stacks") {
    TEST_CASE("it returns the memory of unused stacks, and guards survive it") {
        with_fresh_pools([] {
            constexpr std::size_t count = 2000;
            constexpr std::size_t deep = std::size_t{64} << 10;
            const std::vector<Stack*> stacks = take(count);
            for (Stack* stack : stacks) {
                std::memset(stack->top() - deep, 1, deep);
            }
            give(stacks);
            const std::size_t before = resident_bytes();
            trim_all();
            CHECK(stack_usage().pooled < 100);
            if (memory_is_ours) {
                CHECK(before - resident_bytes() > count * deep * 9 / 10);
            }
            const std::vector<Stack*> again = take(count);
            for (const Stack* stack : again) {
                REQUIRE(faults(stack->low - 1));
                REQUIRE(faults(stack->low - guard_size(stack->span())));
                REQUIRE_FALSE(faults(stack->low));
            }
            CHECK(std::set<Stack*>(again.begin(), again.end()) ==
                  std::set<Stack*>(stacks.begin(), stacks.end()));
            give(again);
        });
    }

    TEST_CASE("stacks in use keep their memory") {
        with_fresh_pools([] {
            const std::vector<Stack*> used = take(100);
            for (Stack* stack : used) {
                std::memset(stack->low, 7, 100);
            }
            give(take(1000));
            trim_all();
            for (const Stack* stack : used) {
                REQUIRE(stack->low[50] == std::byte{7});
            }
            give(used);
        });
    }

    TEST_CASE("a pool in steady use shrinks by itself") {
        with_fresh_pools([] {
            give(take(4000));
            CHECK(stack_usage().pooled > 3000);  // giving back trims a little already
            for (int i = 0; i < 200'000; ++i) {
                give_stack(*take_stack(size));
            }
            CHECK(stack_usage().pooled < 200);
        });
    }
}

TEST_SUITE("many coroutines") {
    TEST_CASE("a hundred thousand can be suspended at once, each on a page or little more") {
        // Sanitizers' stacks are larger, and each has shadow memory.
        constexpr std::size_t wanted = sanitized ? 2'000 : 100'000;
#if defined(COLOOP_CONTEXT_UCONTEXT)
        constexpr std::size_t most_bytes = 9'200;  // two ucontext_t lie on the stack, too
#else
        constexpr std::size_t most_bytes = 4'900;
#endif
        with_fresh_pools([=] {
            Stack* probe = take_stack(size);
            const bool markers = mapping_of(probe->low - 1) == mapping_of(probe->low);
            give_stack(*probe);
            // Without markers in the page tables each guard takes two of 65,530 mappings.
            const std::size_t count = markers ? wanted : std::min(wanted, std::size_t{20'000});

            const std::size_t mappings_before = mapping_count();
            std::size_t mappings_with_first = 0;
            for (int round = 0; round < 3; ++round) {
                const std::size_t resident_before = resident_bytes();
                std::vector<std::unique_ptr<Coroutine>> coroutines;
                coroutines.reserve(count);
                for (std::size_t i = 0; i < count; ++i) {
                    coroutines.push_back(std::make_unique<Coroutine>([] { Coroutine::yield(); }));
                    coroutines.back()->enter();
                }
                if (round == 0) {
                    mappings_with_first = mapping_count();
                    CHECK((!markers || sanitized || mappings_with_first < mappings_before + 150));
                    CHECK((!memory_is_ours ||
                           (resident_bytes() - resident_before) / count <= most_bytes));
                }
                for (const auto& coroutine : coroutines) {
                    coroutine->enter();
                    REQUIRE(coroutine->done());
                }
            }
            CHECK(mapping_count() <= mappings_with_first + 4);
        });
    }
}
