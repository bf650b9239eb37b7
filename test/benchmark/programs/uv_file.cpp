// SPDX-License-Identifier: MIT
//
// The same reads through libuv's thread pool.
#include <fcntl.h>
#include <uv.h>

#include "blocks.hpp"

namespace {

using bench::Run;

/// Reads every so-manieth block, one after the other.
class Reader {
public:
    void start(int file, long first, long end, long step) {
        request_.data = this;
        file_ = file;
        next_ = first;
        end_ = end;
        step_ = step;
        read();
    }

private:
    void read() {
        if (next_ >= end_) {
            return;
        }
        const uv_buf_t buffer = uv_buf_init(block_.data(), static_cast<unsigned>(block_.size()));
        uv_fs_read(uv_default_loop(), &request_, file_, &buffer, 1, bench::offset_of(next_),
                   [](uv_fs_t* request) { static_cast<Reader*>(request->data)->on_read(); });
    }

    void on_read() {
        bench::check(request_.result == static_cast<ssize_t>(block_.size()), "the block is whole");
        uv_fs_req_cleanup(&request_);
        bench::check_block(block_, next_);
        next_ += step_;
        read();
    }

    uv_fs_t request_;
    bench::Block block_;
    int file_ = -1;
    long next_ = 0;
    long end_ = 0;
    long step_ = 0;
};

template <std::size_t readers>
void read(Run& run) {
    const int file = open(bench::block_file(), O_RDONLY | O_CLOEXEC);
    static std::array<Reader, readers> all;
    run.measure([&](long count) {
        long first = 0;
        for (Reader& reader : all) {
            reader.start(file, first++, count, static_cast<long>(readers));
        }
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    });
}

/// pread() itself: what no library can be faster than.
void blocking(Run& run) {
    const int file = open(bench::block_file(), O_RDONLY | O_CLOEXEC);
    bench::Block block;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            bench::check(pread(file, block.data(), block.size(), bench::offset_of(i)) ==
                             static_cast<ssize_t>(block.size()),
                         "the block is whole");
            bench::check_block(block, i);
        }
    });
}

constexpr bench::Test tests[] = {
    {"one", read<1>},
    {"many", read<bench::reads_in_flight>},
    {"blocking", blocking},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }
