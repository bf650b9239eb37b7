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
    LoopState* state = written ? loop_here() : nullptr;
    if (state != nullptr) {
        forget_fs(*state, uv_fs_close, file_);
    } else {
        uv_fs_t request{};
        uv_fs_close(nullptr, &request, file_, nullptr);
        uv_fs_req_cleanup(&request);
    }
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
