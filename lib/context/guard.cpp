// SPDX-License-Identifier: MIT
#include "context/guard.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>

#include <sys/mman.h>
#include <unistd.h>

#include "context/annotate.hpp"

namespace coloop {

namespace {

constexpr int madv_guard_install = 102;  // Linux 6.13; older headers don't have it
constexpr std::size_t mappings_per_guard = 2;

std::atomic<std::size_t> mappings_used = 0;

/// True if a system call cannot write there. Its errors tell, without a signal; of those that tools
/// such as Valgrind pass on without looking at the memory themselves, this is the plainest.
bool refuses_writes(void* place) noexcept {
    auto* ends = static_cast<int*>(place);
    if (pipe(ends) != 0) {
        return errno == EFAULT;
    }
    close(ends[0]);
    close(ends[1]);
    return false;
}

/// True if the kernel has guard markers. Its word is not enough, for emulators and sandboxes accept
/// advice that they don't know and do nothing; so a system call has to trip over one.
bool markers_work() noexcept {
    static const bool work = [] {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        void* probe =
            mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (probe == MAP_FAILED) {
            return false;
        }
        const bool trips = madvise(probe, page, madv_guard_install) == 0 && refuses_writes(probe);
        munmap(probe, page);
        return trips;
    }();
    return work;
}

/// Three quarters of the kernel's limit: the rest is the program's.
std::size_t mappings_allowed() noexcept {
    static const std::size_t allowed = [] {
        std::size_t limit = 65530;
        if (std::FILE* file = std::fopen("/proc/sys/vm/max_map_count", "re")) {
            if (std::fscanf(file, "%zu", &limit) != 1) {
                limit = 65530;
            }
            std::fclose(file);
        }
        return limit / 4 * 3;
    }();
    return allowed;
}

}  // namespace

std::size_t guard_size(std::size_t span) noexcept {
    static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    // Code that was not built with -fstack-clash-protection may step over a small guard; where
    // the stack is large enough, a larger one costs only address space.
    const std::size_t large = 4 * page;
    return span >= 16 * large ? large : page;
}

Guard install_guard(std::byte* low, std::size_t size) noexcept {
    const int error = errno;  // what fails on the way to success is nobody's business
    // Asked for each guard anew: the answer may differ by memory (EINVAL on locked pages).
    if (markers_work() && madvise(low, size, madv_guard_install) == 0) {
        detail::annotate_guard(low, size);
        errno = error;
        return {true, 0};
    }
    if (mappings_used.fetch_add(mappings_per_guard) + mappings_per_guard > mappings_allowed() ||
        mprotect(low, size, PROT_NONE) != 0) {
        return_guard_mappings(mappings_per_guard);
        return {false, 0};
    }
    errno = error;
    return {true, mappings_per_guard};
}

void return_guard_mappings(std::size_t count) noexcept { mappings_used.fetch_sub(count); }

}  // namespace coloop
