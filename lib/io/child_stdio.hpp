// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <uv.h>

#include <coloop/descriptor.hpp>
#include <coloop/process.hpp>

namespace coloop {

/// The descriptors that a child gets. Those for it alone are open until this is destroyed, which
/// must not be before it was started.
class ChildStdio {
public:
    /// Decides on the child's next descriptor; `parent_reads` says which way a pipe goes. Returns
    /// libuv's code.
    int add(const Stdio& stdio, bool parent_reads = false) noexcept;

    /// Our end of the pipe at the child's descriptor `number`; not open if there is none.
    [[nodiscard]] Descriptor take_end(std::size_t number) noexcept {
        return std::move(ends_[number]);
    }

    [[nodiscard]] static bool is_pipe(const Stdio& stdio) noexcept {
        return stdio.kind_ == Stdio::Kind::pipe;
    }

    [[nodiscard]] std::vector<uv_stdio_container_t>& containers() noexcept { return containers_; }

private:
    std::vector<uv_stdio_container_t> containers_;
    std::vector<Descriptor> ends_;  // ours
    std::vector<Descriptor> for_child_;
};

}  // namespace coloop
