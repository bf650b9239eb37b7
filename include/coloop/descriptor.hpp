// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <new>
#include <utility>

#include <coloop/export.hpp>
#include <coloop/result.hpp>

struct uv_handle_s;

namespace coloop {

/// What the system calls an open socket, pipe, terminal or file: the number of a descriptor.
enum class NativeDescriptor : int {};

/// What a descriptor leads to.
enum class DescriptorKind : std::uint8_t {
    unknown,        ///< nothing, or what coloop has no type for
    file,           ///< a regular file, a directory, a device other than a terminal
    pipe_stream,    ///< a one-way pipe or FIFO, or a connection of the Unix domain
    pipe_listener,  ///< a listening socket of the Unix domain
    tcp_stream,
    tcp_listener,
    udp_socket,
    terminal,
};

/// An open descriptor that is nobody else's to close; closed when destroyed, without waiting. The
/// form in which sockets and pipes come from and go to code that is not coloop's, and to other
/// processes. Belongs to no loop.
class COLOOP_EXPORT Descriptor {
public:
    /// One that is not open.
    Descriptor() noexcept = default;

    /// Takes over `native`.
    explicit Descriptor(NativeDescriptor native) noexcept : number_(static_cast<int>(native)) {}

    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        Descriptor taken(std::move(other));
        std::swap(number_, taken.number_);
        return *this;
    }

    ~Descriptor() {
        if (is_open()) {
            close();
        }
    }

    [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }

    /// For system calls; still closed by this object.
    [[nodiscard]] NativeDescriptor native() const noexcept { return NativeDescriptor{number_}; }

    /// The number, which is from now on the caller's to close.
    [[nodiscard]] NativeDescriptor release() noexcept {
        return NativeDescriptor{std::exchange(number_, -1)};
    }

    void close() noexcept;

    [[nodiscard]] DescriptorKind kind() const noexcept;

    /// Another descriptor of what `native` leads to; child processes don't inherit it. Throws Error
    /// if `native` is not open, or the process has too many.
    static Descriptor duplicate(NativeDescriptor native) {
        return duplicate(native, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Descriptor> duplicate(NativeDescriptor native, std::nothrow_t tag) noexcept;

    /// Another descriptor of what a libuv handle has open, for handing a host's stream to coloop.
    /// The handle stays its owner's, who must neither read nor write meanwhile. Throws Error if it
    /// is closed or still reads (resource busy) or writes. The way back is release_descriptor() and
    /// uv_tcp_open() or uv_pipe_open().
    static Descriptor duplicate(const uv_handle_s* handle) {
        return duplicate(handle, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<Descriptor> duplicate(const uv_handle_s* handle, std::nothrow_t tag) noexcept;

private:
    int number_ = -1;
};

/// What is behind `native`.
[[nodiscard]] COLOOP_EXPORT DescriptorKind kind_of(NativeDescriptor native) noexcept;

}  // namespace coloop
