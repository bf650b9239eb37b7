// SPDX-License-Identifier: MIT
//
// Writes files to standard output, one after the other, as cat does.
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <coloop/coloop.hpp>

namespace {

/// Says what is wrong with a file and goes on with the next; returns the exit code.
int concatenate(const std::vector<std::string>& names) {
    coloop::File output = coloop::File::standard_output();
    int exit_code = 0;
    for (const std::string& name : names) {
        try {
            coloop::File input =
                name == "-" ? coloop::File::standard_input() : coloop::File::open(name);
            coloop::copy(input, output);
        } catch (const coloop::Error& error) {
            std::fprintf(stderr, "filecat: %s\n", error.what());
            exit_code = 1;
        }
    }
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names = {"-"};
    CLI::App options("Writes files to standard output, one after the other.");
    options.add_option("FILE", names, "Files; - or none means standard input");
    CLI11_PARSE(options, argc, argv);
    return coloop::run([&] { return concatenate(names); });
}
