// SPDX-License-Identifier: MIT
//
// cat, by way of coloop's standard streams: copies its input to its output. With an argument it
// first says on standard error what kinds they are.
#include <array>
#include <string>

#include <coloop/coloop.hpp>

namespace {

const char* name_of(coloop::DescriptorKind kind) {
    switch (kind) {
        case coloop::DescriptorKind::file:
            return "file";
        case coloop::DescriptorKind::pipe_stream:
            return "pipe";
        case coloop::DescriptorKind::tcp_stream:
            return "tcp";
        case coloop::DescriptorKind::terminal:
            return "terminal";
        default:
            return "nothing";
    }
}

}  // namespace

int main(int argc, char** /*argv*/) {
    return coloop::run([&] {
        coloop::StandardStream in = coloop::standard_input();
        coloop::StandardStream out = coloop::standard_output();
        if (argc > 1) {
            coloop::standard_error().write(std::string(name_of(in.kind())) + " to " +
                                           name_of(out.kind()) + '\n');
        }
        std::array<std::byte, 64 * 1024> buffer;
        try {
            while (const std::size_t count = in.read(buffer)) {
                out.write(std::span(buffer).first(count));
            }
        } catch (const coloop::Error& error) {
            coloop::standard_error().write(std::string(error.what()) + '\n');
            std::exit(3);
        }
    });
}
