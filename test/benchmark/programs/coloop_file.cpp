// SPDX-License-Identifier: MIT
#include <coloop/file.hpp>
#include <coloop/loop.hpp>
#include <coloop/task_group.hpp>

#include "blocks.hpp"

namespace {

using bench::Run;

void read_blocks(coloop::File& file, long first, long end, long step) {
    bench::Block block;
    for (long i = first; i < end; i += step) {
        const auto bytes = std::as_writable_bytes(std::span(block));
        const auto offset = static_cast<std::uint64_t>(bench::offset_of(i));
        bench::check(file.read_at(bytes, offset) == block.size(), "the block is whole");
        bench::check_block(block, i);
    }
}

template <typename Function>
void with_file(Function function) {
    coloop::Loop loop;
    loop.spawn([&] {
        coloop::File file = coloop::File::open(bench::block_file());
        function(file);
    });
    loop.run();
}

void one(Run& run) {
    with_file([&](coloop::File& file) {
        run.measure([&](long count) { read_blocks(file, 0, count, 1); });
    });
}

void many(Run& run) {
    with_file([&](coloop::File& file) {
        run.measure([&](long count) {
            coloop::TaskGroup group;
            for (int reader = 0; reader < bench::reads_in_flight; ++reader) {
                group.spawn(
                    [&, reader] { read_blocks(file, reader, count, bench::reads_in_flight); });
            }
            group.wait();
        });
    });
}

constexpr bench::Test tests[] = {{"one", one}, {"many", many}};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }
