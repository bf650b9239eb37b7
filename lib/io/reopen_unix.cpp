// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/uv_error.hpp>

#include "io/reopen.hpp"

namespace coloop {

Result<Descriptor> reopen(NativeDescriptor native) noexcept {
    const int number = static_cast<int>(native);
    const int mode = fcntl(number, F_GETFL);
    // /dev/fd is a way to /proc/self/fd on Linux. Systems where it only duplicates, and so leaves
    // the descriptor shared, are those where libuv opens the terminal anew by its name.
    const std::string path = "/dev/fd/" + std::to_string(number);
    Descriptor opened(NativeDescriptor{
        mode < 0 ? -1
                 : ::open(path.c_str(), (mode & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)});
    if (!opened.is_open()) {
        return Error(uv_code(uv_translate_sys_error(errno)), "open", path);
    }
    // Not one of the standard three, should one of those be free.
    if (static_cast<int>(opened.native()) <= STDERR_FILENO) {
        return Descriptor::duplicate(opened.native(), std::nothrow);
    }
    return opened;
}

}  // namespace coloop
