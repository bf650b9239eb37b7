// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <coloop/descriptor.hpp>
#include <coloop/pipe.hpp>
#include <coloop/result.hpp>

struct sockaddr_un;

namespace coloop {

/// The file that a listening socket of the Unix domain has made; removed when this object is
/// destroyed, unless somebody has put another one in its place.
class SocketFile {
public:
    SocketFile() noexcept = default;

    /// The file at `path` as it is now.
    explicit SocketFile(std::string path);

    SocketFile(SocketFile&& other) noexcept
        : path_(std::exchange(other.path_, {})), device_(other.device_), number_(other.number_) {}

    SocketFile& operator=(SocketFile&& other) noexcept {
        std::swap(path_, other.path_);
        std::swap(device_, other.device_);
        std::swap(number_, other.number_);
        return *this;
    }

    ~SocketFile() { remove(); }

    void remove() noexcept;

    /// Forgets about it.
    void keep() noexcept { path_.clear(); }

private:
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t number_ = 0;  // of the inode
};

/// "@name" for an abstract name, which may also be given with the zero byte that the system wants.
std::string readable_name(std::string_view name);

struct PipeListenSocket {
    Descriptor descriptor;
    SocketFile file;
};

/// Opens a socket that listens at `name`, non-blocking and not inherited.
Result<PipeListenSocket> open_pipe_listener(std::string_view name,
                                            const PipeListenOptions& options) noexcept;

/// The name that a socket has, as readable_name() gives it; empty if it has none.
std::string name_of_socket(NativeDescriptor socket);

/// Connects to `name`; the result is non-blocking and not inherited. Fails with UV_EAGAIN while the
/// listener has no room.
Result<Descriptor> connect_pipe(std::string_view name) noexcept;

}  // namespace coloop
