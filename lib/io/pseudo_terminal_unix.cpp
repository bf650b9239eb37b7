// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/pseudo_terminal.hpp>
#include <coloop/uv_error.hpp>

#include "io/pipe_node.hpp"
#include "io/pseudo_terminal.hpp"

namespace coloop {

namespace {

int descriptor_of(StreamNode& node) noexcept {
    uv_os_fd_t descriptor = -1;
    uv_fileno(reinterpret_cast<uv_handle_t*>(&static_cast<PipeNode&>(node).pipe()), &descriptor);
    return descriptor;
}

int set_size(int descriptor, TerminalSize size) noexcept {
    const winsize native{size.rows, size.columns, 0, 0};
    return ioctl(descriptor, TIOCSWINSZ, &native);
}

int may_execute(const std::string& path) noexcept {
    struct stat info {};

    if (stat(path.c_str(), &info) != 0) {
        return uv_translate_sys_error(errno);
    }
    if (S_ISDIR(info.st_mode) || access(path.c_str(), X_OK) != 0) {
        return UV_EACCES;
    }
    return 0;
}

}  // namespace

PseudoTerminal::PseudoTerminal(PipeNode* node) noexcept : StreamHandle(node) {}

Result<TerminalSize> PseudoTerminal::size(std::nothrow_t /*tag*/) const noexcept {
    constexpr const char* operation = "get the size of";
    if (!is_open()) {
        return closed(operation);
    }
    winsize native{};
    if (ioctl(descriptor_of(*node()), TIOCGWINSZ, &native) != 0) {
        return node()->error(uv_translate_sys_error(errno), operation);
    }
    return TerminalSize{native.ws_col, native.ws_row};
}

Result<void> PseudoTerminal::resize(TerminalSize size, std::nothrow_t /*tag*/) noexcept {
    constexpr const char* operation = "resize";
    if (!is_open()) {
        return closed(operation);
    }
    if (set_size(descriptor_of(*node()), size) != 0) {
        return node()->error(uv_translate_sys_error(errno), operation);
    }
    return {};
}

Result<std::size_t> PseudoTerminal::read_some(std::span<std::byte> buffer) noexcept {
    if (node() == nullptr) {
        return closed("read");
    }
    Result<std::size_t> count = node()->read(buffer);
    if (!count && count.error().code() == std::errc::io_error) {
        return std::size_t{0};  // how Linux says that nobody has the other end open
    }
    return count;
}

Result<void> PseudoTerminal::end_writing() noexcept {
    if (node() == nullptr) {
        return closed("shut down");
    }
    constexpr std::byte end_of_file{4};  // the character, unless a program has chosen another
    const std::span<const std::byte> piece(&end_of_file, 1);
    return node()->write({&piece, 1});
}

int open_terminal(TerminalSize size, std::optional<std::uint32_t> user,
                  NewTerminal& terminal) noexcept {
    terminal.ours =
        Descriptor(NativeDescriptor{posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)});
    const int descriptor = static_cast<int>(terminal.ours.native());
    char path[64];
    if (descriptor < 0 || grantpt(descriptor) != 0 || unlockpt(descriptor) != 0 ||
        ptsname_r(descriptor, path, sizeof path) != 0 || set_size(descriptor, size) != 0 ||
        (user && chown(path, *user, static_cast<gid_t>(-1)) != 0)) {
        return uv_translate_sys_error(errno);
    }
    terminal.path = path;
    return 0;
}

int look_for_program(const std::string& program, const std::string& directory,
                     const std::string& search) noexcept {
    if (program.find('/') != std::string::npos) {
        const bool relative = !directory.empty() && program.front() != '/';
        return may_execute(relative ? directory + '/' + program : program);
    }
    int answer = UV_ENOENT;
    for (std::size_t begin = 0; begin <= search.size() && answer != 0;) {
        const std::size_t end = std::min(search.find(':', begin), search.size());
        const int here = may_execute(search.substr(begin, end - begin) + '/' + program);
        if (here == 0 || here == UV_EACCES) {
            answer = here;
        }
        begin = end + 1;
    }
    return answer;
}

}  // namespace coloop
