// SPDX-License-Identifier: MIT
#include "io/child_stdio.hpp"

#include <utility>

namespace coloop {

int ChildStdio::add(const Stdio& stdio, bool parent_reads) noexcept {
    uv_stdio_container_t container{};
    container.flags = UV_INHERIT_FD;
    Descriptor& ours = ends_.emplace_back();
    switch (stdio.kind_) {
        case Stdio::Kind::inherit:
            container.data.fd = static_cast<int>(containers_.size());
            break;
        case Stdio::Kind::null:
            container.flags = UV_IGNORE;
            break;
        case Stdio::Kind::descriptor:
            container.data.fd = static_cast<int>(stdio.native_);
            break;
        case Stdio::Kind::pipe: {
            // Not the pair of sockets that libuv would make: programs open /dev/stdin.
            uv_file pipe[2];
            if (const int status = uv_pipe(pipe, parent_reads ? UV_NONBLOCK_PIPE : 0,
                                           parent_reads ? 0 : UV_NONBLOCK_PIPE)) {
                return status;
            }
            ours = Descriptor(NativeDescriptor{pipe[parent_reads ? 0 : 1]});
            container.data.fd = pipe[parent_reads ? 1 : 0];
            for_child_.emplace_back(NativeDescriptor{container.data.fd});
            break;
        }
    }
    containers_.push_back(container);
    return 0;
}

}  // namespace coloop
