// SPDX-License-Identifier: MIT
#include "base/misuse.hpp"

#include <cstdio>
#include <cstdlib>

namespace coloop {

void misuse(std::string_view sentence) noexcept {
    std::fprintf(stderr, "coloop: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
    std::fflush(stderr);
    std::abort();
}

}  // namespace coloop
