// SPDX-License-Identifier: MIT
#include <map>
#include <string>

#include <fmt/core.h>

#include <coloop/coloop.hpp>

/// A log such as web servers write, an address at the beginning of each line.
void write_log(const std::string& path) {
    coloop::File log = coloop::File::create(path);
    coloop::BufWriter out(log);
    for (int i = 0; i < 1000; ++i) {
        out.write(fmt::format("192.0.2.{} GET /page/{}\n", i % 3, i));
    }
    out.flush();
}

std::map<std::string, int> count_hits(coloop::Reader& log) {
    std::map<std::string, int> hits;
    for (std::string_view line : coloop::lines(log)) {
        ++hits[std::string(line.substr(0, line.find(' ')))];
    }
    return hits;
}

int main() {
    return coloop::run([] {
        const auto directory = coloop::fs::TemporaryDirectory::create();
        write_log(directory / "access.log");
        coloop::File log = coloop::File::open(directory / "access.log");

        std::string report;
        for (const auto& [address, count] : count_hits(log)) {
            report += fmt::format("{:>6} {}\n", count, address);
        }
        coloop::fs::write_file(directory / "report", report);
        fmt::print("{}", coloop::fs::read_file(directory / "report"));
    });
}
