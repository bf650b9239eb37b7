// SPDX-License-Identifier: MIT
#include "testing/leftovers.hpp"

#include "context/stack.hpp"
#include "coroutine/access.hpp"
#include "coroutine/report.hpp"
#include "io/handle_node.hpp"
#include "loop/loop_state.hpp"

namespace coloop::testing {

namespace {

/// Looking one up may take a large part of a second.
constexpr std::size_t most_origins = 8;

}  // namespace

template <typename Visit>
void Leftovers::for_each_raw_handle(Visit visit) const {
    uv_walk(
        uv_,
        [](uv_handle_t* handle, void* context) {
            if (uv_is_closing(handle) == 0) {
                (*static_cast<Visit*>(context))(*handle);
            }
        },
        &visit);
}

void Leftovers::begin() {
    others_handles_.clear();
    for_each_raw_handle([this](const uv_handle_t& handle) { others_handles_.insert(&handle); });
    others_coroutines_.clear();
    for_each_coroutine([this](const Coroutine& other) { others_coroutines_.insert(&other); });
    others_stacks_ = stack_usage().in_use;
}

std::string Leftovers::coroutines() const {
    const std::uint64_t now = LoopState::time_here();
    std::string text;
    std::size_t count = 0;
    for_each_coroutine([&](const Coroutine& coroutine) {  // in a steady order
        if (const auto found = coroutines_.find(&coroutine); found != coroutines_.end()) {
            text += "  " + describe_state(coroutine, now) + '\n';
            text += ++count <= most_origins ? found->second.text() : "";
        }
    });
    return text;
}

/// Coroutines that were made without a loop, but here.
std::string Leftovers::bare_coroutines() const {
    const std::uint64_t now = LoopState::time_here();
    std::string text;
    for_each_coroutine([&](const Coroutine& coroutine) {
        if (!coroutines_.contains(&coroutine) && !others_coroutines_.contains(&coroutine)) {
            text += "  " + describe_state(coroutine, now) + '\n';
        }
    });
    return text;
}

/// False of a handle that a node has, as of one that was there before.
bool Leftovers::is_ours(const uv_handle_t& handle) const noexcept {
    const auto* node = static_cast<const HandleNode*>(handle.data);
    return &handle != reinterpret_cast<const uv_handle_t*>(&own_) &&
           !others_handles_.contains(&handle) && !handles_.contains(node);
}

std::string Leftovers::raw_handles() const {
    std::string text;
    for_each_raw_handle([&](const uv_handle_t& handle) {
        if (is_ours(handle)) {
            text += std::string("  a uv_") + uv_handle_type_name(handle.type) +
                    "_t that was initialised on the loop and not closed\n";
        }
    });
    return text;
}

std::string Leftovers::text() const {
    std::string text = coroutines() + bare_coroutines();
    if (text.empty() && stack_usage().in_use > others_stacks_) {
        text += "  " + std::to_string(stack_usage().in_use - others_stacks_) + " stacks\n";
    }
    std::size_t count = 0;
    for (const auto& [handle, origin] : handles_) {
        text += "  the handle of " + handle->describe() + '\n';
        text += ++count <= most_origins ? origin.text() : "";
    }
    return text + raw_handles();
}

void Leftovers::close_handles() noexcept {
    for_each_raw_handle([&](uv_handle_t& handle) {
        if (is_ours(handle)) {
            uv_close(&handle, nullptr);
        }
    });
    for (const auto& [handle, origin] : handles_) {
        // Only handle nodes are told to the loop.
        const_cast<HandleNode*>(static_cast<const HandleNode*>(handle))->start_close();
    }
}

}  // namespace coloop::testing
