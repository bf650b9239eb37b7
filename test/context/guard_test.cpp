// SPDX-License-Identifier: MIT
#include "context/guard.hpp"

#include <cerrno>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/detail/switch.hpp>

#include "context/stack.hpp"
#include "support/memory.hpp"

using namespace coloop;

namespace {

const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

class Pages {
public:
    explicit Pages(std::size_t count)
        : bytes_(count * page),
          low_(static_cast<std::byte*>(
              mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}

    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    ~Pages() { munmap(low_, bytes_); }

    [[nodiscard]] std::byte* at(std::size_t index) const { return low_ + index * page; }

private:
    std::size_t bytes_;
    std::byte* low_;
};

}  // namespace

TEST_SUITE("install_guard") {
    TEST_CASE("the guard faults and its neighbours do not") {
        const Pages pages(3);
        const Guard guard = install_guard(pages.at(1), page);
        REQUIRE(guard.installed);
        CHECK_FALSE(faults(pages.at(1) - 1));
        CHECK(faults(pages.at(1)));
        CHECK(faults(pages.at(2) - 1));
        CHECK_FALSE(faults(pages.at(2)));
        return_guard_mappings(guard.mappings);
    }

    TEST_CASE("it outlives the return of memory around it, and fork") {
        const Pages pages(3);
        const Guard guard = install_guard(pages.at(1), page);
        REQUIRE(guard.installed);
        madvise(pages.at(0), 3 * page, MADV_DONTNEED);
        CHECK(faults(pages.at(1)));
        const pid_t child = fork();
        if (child == 0) {
            _exit(faults(pages.at(1)) ? 7 : 1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        CHECK(WEXITSTATUS(status) == 7);
        return_guard_mappings(guard.mappings);
    }

#if !defined(COLOOP_ASAN) && !defined(COLOOP_TSAN)  // which turn mlock() into nothing
    TEST_CASE("locked memory, which takes no markers, is guarded by mprotect") {
        const Pages pages(3);
        REQUIRE(mlock(pages.at(0), 3 * page) == 0);
        const Guard guard = install_guard(pages.at(1), page);
        CHECK(guard.installed);
        CHECK(guard.mappings > 0);
        CHECK(faults(pages.at(1)));
        CHECK_FALSE(faults(pages.at(2)));
        return_guard_mappings(guard.mappings);
    }
#endif
}

TEST_SUITE("stack guards") {
    TEST_CASE("taking a stack leaves errno alone") {
        errno = 7;
        Stack* stack = take_stack(std::size_t{256} << 10);
        CHECK(errno == 7);
        give_stack(*stack);
    }

    TEST_CASE("every stack has a guard right below its lowest byte") {
        for (const std::size_t size : {std::size_t{1}, std::size_t{64} << 10,
                                       std::size_t{256} << 10, std::size_t{8} << 20}) {
            Stack* first = take_stack(size);
            Stack* second = take_stack(size);
            for (const Stack* stack : {first, second}) {
                CHECK(faults(stack->low - 1));
                CHECK(faults(stack->low - guard_size(stack->span())));
                CHECK_FALSE(faults(stack->low));
            }
            give_stack(*second);
            give_stack(*first);
        }
    }

    TEST_CASE("large stacks have larger guards, and small ones are not eaten up by theirs") {
        CHECK(guard_size(std::size_t{16} << 10) == page);
        CHECK(guard_size(std::size_t{256} << 10) == 4 * page);
        CHECK(guard_size(std::size_t{64} << 20) == 4 * page);
    }
}
