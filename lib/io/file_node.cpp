// SPDX-License-Identifier: MIT
#include "io/file_node.hpp"

#include "io/fs_request.hpp"

namespace coloop {

/// File systems that write late do it at the close, so that of a file that was written is left to
/// the pool; any other takes no time.
FileNode::~FileNode() {
    if (file_ < 0 || !owned()) {
        return;
    }
    forget_fs(written ? loop_here() : nullptr, uv_fs_close, file_);
}

bool FileNode::wait_unused() noexcept {
    while (in_use()) {
        if (!unused_.wait(std::nothrow)) {
            return false;
        }
    }
    return true;
}

}  // namespace coloop
