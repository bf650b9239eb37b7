// SPDX-License-Identifier: MIT
//
// Streams, listeners, files and names: each call is the C++ one, with its Result as a code.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <coloop/coloop.h>
#include <coloop/dns.hpp>
#include <coloop/file.hpp>
#include <coloop/tcp.hpp>

#include "c_api/guarded.hpp"

namespace coloop::c_api {

namespace {

std::span<std::byte> bytes_at(void* buffer, std::size_t size) noexcept {
    return {static_cast<std::byte*>(buffer), size};
}

std::span<const std::byte> bytes_at(const void* bytes, std::size_t size) noexcept {
    return {static_cast<const std::byte*>(bytes), size};
}

std::int64_t count_of(const Result<std::size_t>& result) noexcept {
    return result ? static_cast<std::int64_t>(*result) : fail(result.error());
}

OpenMode mode_of(unsigned mode) noexcept {
    static_assert(static_cast<unsigned>(OpenMode::read) == COLOOP_READ &&
                  static_cast<unsigned>(OpenMode::write) == COLOOP_WRITE &&
                  static_cast<unsigned>(OpenMode::append) == COLOOP_APPEND &&
                  static_cast<unsigned>(OpenMode::create) == COLOOP_CREATE &&
                  static_cast<unsigned>(OpenMode::exclusive) == COLOOP_EXCLUSIVE &&
                  static_cast<unsigned>(OpenMode::truncate) == COLOOP_TRUNCATE);
    return static_cast<OpenMode>(mode);
}

/// A stream of C can be of any kind.
Stream& stream_of(coloop_stream* stream) noexcept { return object_of<Stream>(stream); }

int hand_over_stream(Result<TcpStream>&& result, coloop_stream** handle) noexcept {
    if (!result) {
        return fail(result.error());
    }
    Stream* stream = new (std::nothrow) TcpStream(*std::move(result));
    *handle = reinterpret_cast<coloop_stream*>(stream);
    return stream != nullptr ? 0 : fail(UV_ENOMEM, "not enough memory");
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;
using coloop::Address;
using coloop::File;
using coloop::TcpListener;
using coloop::TcpStream;

int coloop_tcp_connect(const char* host, std::uint16_t port, coloop_stream** stream) {
    return hand_over_stream(TcpStream::connect(host, port, std::nothrow), stream);
}

std::int64_t coloop_stream_read(coloop_stream* stream, void* buffer, std::size_t size) {
    return count_of(stream_of(stream).read(bytes_at(buffer, size), std::nothrow));
}

int coloop_stream_write(coloop_stream* stream, const void* bytes, std::size_t size) {
    return status_of(stream_of(stream).write(bytes_at(bytes, size), std::nothrow));
}

int coloop_stream_shutdown(coloop_stream* stream) {
    return status_of(stream_of(stream).shutdown_write(std::nothrow));
}

void coloop_stream_free(coloop_stream* stream) { delete &stream_of(stream); }

int coloop_tcp_listen(const char* host, std::uint16_t port, coloop_listener** listener) {
    const auto address = Address::parse(host, port, std::nothrow);
    return address ? hand_over(TcpListener::listen(*address, {}, std::nothrow), listener)
                   : fail(address.error());
}

std::uint16_t coloop_listener_port(const coloop_listener* listener) {
    return object_of<const TcpListener>(listener).local_address().port();
}

int coloop_listener_accept(coloop_listener* listener, coloop_stream** stream) {
    return hand_over_stream(object_of<TcpListener>(listener).accept(std::nothrow), stream);
}

void coloop_listener_free(coloop_listener* listener) {
    auto* object = &object_of<TcpListener>(listener);
    object->close();
    delete object;
}

int coloop_file_open(const char* path, unsigned mode, unsigned permissions, coloop_file** file) {
    return hand_over(File::open(path, mode_of(mode), permissions, std::nothrow), file);
}

std::int64_t coloop_file_read(coloop_file* file, void* buffer, std::size_t size) {
    return count_of(object_of<File>(file).read(bytes_at(buffer, size), std::nothrow));
}

std::int64_t coloop_file_read_at(coloop_file* file, void* buffer, std::size_t size,
                                 std::uint64_t offset) {
    return count_of(object_of<File>(file).read_at(bytes_at(buffer, size), offset, std::nothrow));
}

int coloop_file_write(coloop_file* file, const void* bytes, std::size_t size) {
    return status_of(object_of<File>(file).write(bytes_at(bytes, size), std::nothrow));
}

int coloop_file_write_at(coloop_file* file, const void* bytes, std::size_t size,
                         std::uint64_t offset) {
    return status_of(object_of<File>(file).write_at(bytes_at(bytes, size), offset, std::nothrow));
}

int coloop_file_free(coloop_file* file) {
    const int status = status_of(object_of<File>(file).close(std::nothrow));
    delete &object_of<File>(file);
    return status;
}

int coloop_resolve(const char* host, coloop_address* addresses, std::size_t count) {
    const auto found = coloop::resolve(host, std::nothrow);
    if (!found) {
        return fail(found.error());
    }
    for (std::size_t i = 0; i < std::min(count, found->size()); ++i) {
        const std::string text = (*found)[i].host();
        std::memcpy(addresses[i].text, text.c_str(),
                    std::min(text.size() + 1, sizeof addresses[i].text));
    }
    return static_cast<int>(found->size());
}
