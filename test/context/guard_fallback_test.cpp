// SPDX-License-Identifier: MIT
//
// Linked with --wrap=madvise and --wrap=mprotect: what happens on kernels that have no guard
// markers, and when they are out of mappings.
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include <sys/mman.h>

#include <doctest/doctest.h>

#include <coloop/coroutine.hpp>
#include <coloop/error.hpp>

#include "context/guard.hpp"
#include "context/stack.hpp"
#include "support/memory.hpp"

namespace {

enum class Advice { refused, ignored };

Advice unknown_advice = Advice::refused;
bool mprotect_fails = false;

}  // namespace

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the linker's names
int __real_madvise(void* address, std::size_t size, int advice);
int __real_mprotect(void* address, std::size_t size, int protection);

int __wrap_madvise(void* address, std::size_t size, int advice) {
    constexpr int guard_install = 102;
    if (advice != guard_install) {
        return __real_madvise(address, size, advice);
    }
    errno = EINVAL;
    return unknown_advice == Advice::ignored ? 0 : -1;
}

int __wrap_mprotect(void* address, std::size_t size, int protection) {
    if (mprotect_fails) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(address, size, protection);
}

// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
}

using namespace coloop;

namespace {

constexpr CoroutineOptions small{.stack_size = std::size_t{16} << 10};

std::size_t map_limit() {
    std::size_t limit = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit;
}

}  // namespace

TEST_SUITE("guards without markers") {
    TEST_CASE("a kernel that takes the advice and does nothing is found out") {
        unknown_advice = Advice::ignored;  // in the first test, since the answer is kept
        Stack* stack = take_stack(std::size_t{64} << 10);
        REQUIRE(stack != nullptr);
        CHECK(faults(stack->low - 1));
        give_stack(*stack);
        unknown_advice = Advice::refused;
    }

    TEST_CASE("stacks are guarded by mprotect") {
        Stack* stack = take_stack(std::size_t{128} << 10);
        REQUIRE(stack != nullptr);
        CHECK(faults(stack->low - 1));
        CHECK(faults(stack->low - guard_size(stack->span())));
        CHECK_FALSE(faults(stack->low));
        give_stack(*stack);
    }

    TEST_CASE("creation fails with an Error when coroutines have used their share of mappings") {
        // On a thread, so that its pools and their mappings are gone afterwards.
        std::thread([] {
            std::vector<std::unique_ptr<Coroutine>> coroutines;
            const std::size_t share = map_limit() / 4 * 3 / 2;  // a guard takes two mappings
            coroutines.reserve(share + 1);
            const auto create = [&] {
                coroutines.push_back(std::make_unique<Coroutine>([] {}, small));
            };
            const auto create_all = [&] {
                for (std::size_t i = 0; i <= share; ++i) {
                    create();
                }
            };
            CHECK_THROWS_AS(create_all(), Error);
            CHECK(coroutines.size() > share - 100);
            CHECK(mapping_count() < map_limit());
            CHECK_THROWS_AS(Coroutine([] {}, {.stack_size = std::size_t{1} << 20}), Error);

            // The rest of the process still has room.
            std::FILE* file = std::fopen("/proc/self/status", "re");
            CHECK(file != nullptr);
            std::fclose(file);
            std::thread([] {}).join();

            // What is free can be had again.
            coroutines.pop_back();
            CHECK_NOTHROW(create());
            CHECK_THROWS_AS(create(), Error);
        }).join();
        CHECK_NOTHROW(Coroutine([] {}, small));
    }

    TEST_CASE("creation fails with an Error when the kernel refuses the guard, and later works") {
        std::thread([] {
            mprotect_fails = true;
            CHECK(take_stack(1) == nullptr);
            CHECK_THROWS_AS(Coroutine([] {}, small), Error);
            CHECK(stack_usage().in_use == 0);
            mprotect_fails = false;
            CHECK_NOTHROW(Coroutine([] {}, small));
        }).join();
    }
}
