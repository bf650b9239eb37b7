// SPDX-License-Identifier: MIT
//
// Many short visits to a server:
//
//     visitors <host:port or /path> <visits> <at once> [abrupt]  <what each says
//
// Each connects, says all at once and listens until the server ends the connection; "abrupt" ones
// reset it as soon as the first bytes come. Prints how many bytes came to all of them together.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <coloop/coloop.hpp>

namespace {

struct Plan {
    std::string address;
    std::size_t visits;
    std::size_t at_once;
    bool abrupt;
    std::string said;
};

template <typename Stream>
std::size_t visit(Stream stream, const Plan& plan) {
    stream.write(plan.said);
    std::size_t heard = 0;
    std::array<std::byte, 16 * 1024> buffer;
    while (const std::size_t count = stream.read(buffer)) {
        heard += count;
        if (plan.abrupt) {
            break;  // closing with bytes unread resets the connection
        }
    }
    stream.close();
    return heard;
}

std::size_t visit(const Plan& plan) {
    return plan.address.starts_with('/')
               ? visit(coloop::PipeStream::connect(plan.address), plan)
               : visit(coloop::TcpStream::connect(coloop::Address::parse(plan.address)), plan);
}

std::string all_of_standard_input() {
    coloop::File input = coloop::File::standard_input();
    coloop::MemoryWriter text;
    coloop::copy(input, text);
    return text.take();
}

int run_visits(Plan plan) {
    plan.said = all_of_standard_input();
    std::size_t heard = 0;
    std::size_t begun = 0;
    coloop::TaskGroup visitors;
    for (std::size_t i = 0; i < plan.at_once; ++i) {
        visitors.spawn([&] {
            while (begun < plan.visits) {
                ++begun;
                const std::size_t count = visit(plan);
                heard += count;
            }
        });
    }
    visitors.wait();
    std::printf("%zu\n", heard);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: visitors <host:port or /path> <visits> <at once> [abrupt]\n", stderr);
        return 2;
    }
    return coloop::run([&] {
        return run_visits({argv[1],
                           std::strtoul(argv[2], nullptr, 10),
                           std::strtoul(argv[3], nullptr, 10),
                           argc > 4,
                           {}});
    });
}
