// SPDX-License-Identifier: MIT
//
// An echo server on libuv, in two styles. `expert`: one buffer for all, uv_try_write() first, and a
// request only for what is left. `guide`: as libuv's guide teaches, with malloc() for each read and
// each write.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <uv.h>

#include "listen.hpp"

namespace {

void free_handle(uv_handle_t* handle) { std::free(handle); }

struct Write {
    uv_write_t request;
    uv_buf_t buffer;
};

void on_written(uv_write_t* request, int status) {
    auto* write = reinterpret_cast<Write*>(request);
    if (status < 0 && uv_is_closing(reinterpret_cast<uv_handle_t*>(request->handle)) == 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(request->handle), free_handle);
    }
    std::free(write->buffer.base);
    std::free(write);
}

/// `base` was malloc()ed and is freed when it is written.
void write_later(uv_stream_t* client, char* base, std::size_t length) {
    auto* write = static_cast<Write*>(std::malloc(sizeof(Write)));
    write->buffer = uv_buf_init(base, static_cast<unsigned>(length));
    uv_write(&write->request, client, &write->buffer, 1, on_written);
}

namespace expert {

std::array<char, 65536> shared;

void on_alloc(uv_handle_t* /*client*/, std::size_t /*suggested*/, uv_buf_t* buffer) {
    *buffer = uv_buf_init(shared.data(), shared.size());
}

void on_read(uv_stream_t* client, ssize_t count, const uv_buf_t* buffer) {
    if (count < 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(client), free_handle);
        return;
    }
    if (count == 0) {
        return;
    }
    const auto length = static_cast<std::size_t>(count);
    const uv_buf_t data = uv_buf_init(buffer->base, static_cast<unsigned>(length));
    const auto written = static_cast<std::size_t>(std::max(uv_try_write(client, &data, 1), 0));
    if (written < length) {
        auto* rest = static_cast<char*>(std::malloc(length - written));
        std::memcpy(rest, data.base + written, length - written);
        write_later(client, rest, length - written);
    }
}

}  // namespace expert

namespace guide {

void on_alloc(uv_handle_t* /*client*/, std::size_t suggested, uv_buf_t* buffer) {
    *buffer =
        uv_buf_init(static_cast<char*>(std::malloc(suggested)), static_cast<unsigned>(suggested));
}

void on_read(uv_stream_t* client, ssize_t count, const uv_buf_t* buffer) {
    if (count > 0) {
        write_later(client, buffer->base, static_cast<std::size_t>(count));
        return;
    }
    if (count < 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(client), free_handle);
    }
    std::free(buffer->base);
}

}  // namespace guide

template <uv_alloc_cb on_alloc, uv_read_cb on_read>
void on_connection(uv_stream_t* listener, int /*status*/) {
    auto* client = static_cast<uv_tcp_t*>(std::malloc(sizeof(uv_tcp_t)));
    uv_tcp_init(listener->loop, client);
    auto* stream = reinterpret_cast<uv_stream_t*>(client);
    if (uv_accept(listener, stream) != 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(client), free_handle);
        return;
    }
    uv_read_start(stream, on_alloc, on_read);
}

}  // namespace

int main(int argc, char** argv) {
    const bool as_expert = argc > 1 && std::strcmp(argv[1], "expert") == 0;
    uv_loop_t* loop = uv_default_loop();
    uv_tcp_t listener;
    sockaddr_in address = bench::any_local_port();
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
    uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096,
              as_expert ? on_connection<expert::on_alloc, expert::on_read>
                        : on_connection<guide::on_alloc, guide::on_read>);
    int length = sizeof address;
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &length);
    bench::print_port(address);
    return uv_run(loop, UV_RUN_DEFAULT);
}
