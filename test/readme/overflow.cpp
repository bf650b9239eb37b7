// SPDX-License-Identifier: MIT
// A coroutine that needs more stack than it has; README.md shows what is printed.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <coloop/coloop.hpp>

namespace {

/// Counts opening brackets, one frame each, as a parser by recursive descent would.
std::size_t parse(std::string_view text) {
    std::array<volatile char, 256> token;
    token[0] = text.front();
    if (token[0] != '[') {
        return 0;
    }
    const std::size_t inside = parse(text.substr(1));
    return inside + (token[0] == '[' ? 1 : 0);  // needs its frame until here
}

}  // namespace

int main() {
    return coloop::run([] {
        const std::string text = std::string(100'000, '[') + "]";
        coloop::TaskGroup group;
        group.spawn([&] { parse(text); }, {.name = "parser"});
        group.wait();
    });
}
