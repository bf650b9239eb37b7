// SPDX-License-Identifier: MIT
#include <cstdio>

#include <coloop/run.hpp>

namespace coloop::detail {

int report_failure(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    } catch (...) {
        std::fputs("ended by an exception that is not a std::exception\n", stderr);
    }
    return 1;
}

}  // namespace coloop::detail
