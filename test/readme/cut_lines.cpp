// SPDX-License-Identifier: MIT
// What step 7 of the tutorial lets its readers break.
#include <map>
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

namespace {

void write_log(const std::string& path) {
    std::string log;
    for (int i = 0; i < 1000; ++i) {
        log += fmt::format("192.0.2.{} GET /page/{}\n", i % 3, i);
    }
    coloop::fs::write_file(path, log);
}

std::map<std::string, int> count_hits(coloop::Reader& log) {
    std::map<std::string, int> hits;
    std::array<char, 4096> buffer;
    while (const std::size_t n = log.read(std::as_writable_bytes(std::span(buffer)))) {
        std::string_view rest(buffer.data(), n);
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            ++hits[std::string(line.substr(0, line.find(' ')))];
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        }
    }
    return hits;
}

}  // namespace

int main() {
    return coloop::run([] {
        const auto directory = coloop::fs::TemporaryDirectory::create();
        write_log(directory / "access.log");
        coloop::File log = coloop::File::open(directory / "access.log");
        for (const auto& [address, count] : count_hits(log)) {
            fmt::print("{:>6} {}\n", count, address);
        }
    });
}
