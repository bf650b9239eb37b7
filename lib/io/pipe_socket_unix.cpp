// SPDX-License-Identifier: MIT
//
// Sockets of the Unix domain by name. libuv cuts long names short before 1.46, knows no abstract
// ones, fails where a listener's backlog is full, and leaves the file of a server that crashed in
// the way of the next.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/uv_error.hpp>

#include "io/pipe_socket.hpp"

namespace coloop {

namespace {

struct Name {
    sockaddr_un address{};
    socklen_t length = 0;
    int error = 0;  // a libuv code

    explicit Name(std::string_view name) noexcept {
        const bool is_abstract = name.starts_with('@') || name.starts_with('\0');
        // A path ends with a zero byte, an abstract name begins with one.
        const std::size_t size = name.size() + (is_abstract ? 0 : 1);
        if (name.empty() || (!is_abstract && name.find('\0') != std::string_view::npos)) {
            error = UV_EINVAL;
            return;
        }
        if (size > sizeof address.sun_path) {
            error = UV_ENAMETOOLONG;
            return;
        }
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (is_abstract) {
            address.sun_path[0] = '\0';
        }
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    }

    [[nodiscard]] const sockaddr* native() const noexcept {
        return reinterpret_cast<const sockaddr*>(&address);
    }

    /// Empty for an abstract name.
    [[nodiscard]] const char* path() const noexcept { return address.sun_path; }

    [[nodiscard]] bool is_path() const noexcept { return address.sun_path[0] != '\0'; }
};

Descriptor open_socket() noexcept {
    return Descriptor(
        NativeDescriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)});
}

int number_of(const Descriptor& descriptor) noexcept {
    return static_cast<int>(descriptor.native());
}

int last_error() noexcept { return uv_translate_sys_error(errno); }

/// Zero, or a libuv code.
int connect_to(const Descriptor& socket, const Name& name) noexcept {
    while (connect(number_of(socket), name.native(), name.length) != 0) {
        if (errno != EINTR) {
            return last_error();
        }
    }
    return 0;
}

/// True if there is a socket file at `name` that nobody listens on any more.
bool is_stale(const Name& name) noexcept {
    struct stat found {};

    if (lstat(name.path(), &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    const Descriptor probe = open_socket();
    return probe.is_open() && connect_to(probe, name) == UV_ECONNREFUSED;
}

int bind_once(const Descriptor& socket, const Name& name) noexcept {
    return bind(number_of(socket), name.native(), name.length) == 0 ? 0 : last_error();
}

int bind_to(const Descriptor& socket, const Name& name) noexcept {
    const int status = bind_once(socket, name);
    if (status != UV_EADDRINUSE || !name.is_path() || !is_stale(name)) {
        return status;
    }
    unlink(name.path());
    return bind_once(socket, name);
}

/// What is set before bind() limits from the first moment on who may connect; but the umask takes
/// away from it, so this is for afterwards.
bool set_permissions(const Name& name, unsigned permissions) noexcept {
    struct stat made {};

    return lstat(name.path(), &made) == 0 &&
           ((made.st_mode & 07777) == permissions || chmod(name.path(), permissions) == 0);
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
    struct stat made {};

    if (lstat(path_.c_str(), &made) != 0) {
        path_.clear();
        return;
    }
    device_ = made.st_dev;
    number_ = made.st_ino;
}

void SocketFile::remove() noexcept {
    struct stat found {};

    if (!path_.empty() && lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
        found.st_ino == number_) {
        unlink(path_.c_str());
    }
    path_.clear();
}

std::string readable_name(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '\0', '@');
    return text;
}

std::string name_of_socket(NativeDescriptor socket) {
    sockaddr_un address{};
    socklen_t length = sizeof address;
    constexpr socklen_t before_name = offsetof(sockaddr_un, sun_path);
    if (getsockname(static_cast<int>(socket), reinterpret_cast<sockaddr*>(&address), &length) !=
            0 ||
        length <= before_name) {
        return {};
    }
    std::size_t size = std::min<std::size_t>(length - before_name, sizeof address.sun_path);
    if (address.sun_path[0] != '\0') {
        size = strnlen(address.sun_path, size);  // the zero byte at the end is counted or not
    }
    return readable_name({address.sun_path, size});
}

Result<PipeListenSocket> open_pipe_listener(std::string_view name,
                                            const PipeListenOptions& options) noexcept {
    const auto failed = [&](int status) {
        return Error(uv_code(status), "listen on", readable_name(name));
    };
    const Name where(name);
    if (where.error != 0) {
        return failed(where.error);
    }
    PipeListenSocket result{open_socket(), {}};
    if (!result.descriptor.is_open()) {
        return failed(last_error());
    }
    fchmod(number_of(result.descriptor), options.permissions);
    if (const int status = bind_to(result.descriptor, where)) {
        return failed(status);
    }
    if (where.is_path()) {
        result.file = SocketFile(where.path());
        if (!set_permissions(where, options.permissions)) {
            return failed(last_error());
        }
    }
    if (listen(number_of(result.descriptor), options.backlog) != 0) {
        return failed(last_error());
    }
    return result;
}

Result<Descriptor> connect_pipe(std::string_view name) noexcept {
    const auto failed = [&](int status) {
        return Error(uv_code(status), "connect", readable_name(name));
    };
    const Name where(name);
    if (where.error != 0) {
        return failed(where.error);
    }
    Descriptor socket = open_socket();
    if (!socket.is_open()) {
        return failed(last_error());
    }
    if (const int status = connect_to(socket, where)) {
        return failed(status);
    }
    return socket;
}

}  // namespace coloop
