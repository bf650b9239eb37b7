// SPDX-License-Identifier: MIT
// A file line by line: how often each address stands at the beginning of a line of argv[1].
#include <map>
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

int main(int, char** argv) {
    return coloop::run([&] {
        std::map<std::string, int> hits;
        coloop::File log = coloop::File::open(argv[1]);
        for (std::string_view line : coloop::lines(log)) {
            ++hits[std::string(line.substr(0, line.find(' ')))];
        }
        for (const auto& [address, count] : hits) {
            fmt::print("{:>6} {}\n", count, address);
        }
    });
}
