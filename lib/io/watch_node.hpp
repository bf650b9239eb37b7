// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include <coloop/path.hpp>
#include <coloop/result.hpp>

#include "io/handle_node.hpp"

namespace coloop {

/// A path that libuv watches, and who waits for what happens to it.
template <typename Event>
class WatchNode : public HandleNode {
public:
    Result<std::optional<Event>> next() noexcept {
        require_here("watch");
        if (Wait::already_cancelled()) {
            return error(Errc::cancelled);
        }
        const NodePtr<WatchNode> hold(this);
        bool cancelled = false;
        while (!has_event() && !closing() && !cancelled) {
            uv_ref(handle());
            cancelled = !waiters_.wait(std::nothrow);
            if (waiters_.empty() && !closing()) {
                uv_unref(handle());
            }
        }
        if (cancelled) {
            return error(Errc::cancelled);
        }
        return closing() ? std::optional<Event>() : take();
    }

    [[nodiscard]] std::string describe() const override { return path_.string(); }

protected:
    WatchNode(LoopState& state, const Path& path) : HandleNode(state), path_(path) {}

    /// To be called instead of opened(): the loop need not go on for a watch that nobody waits for.
    void initialised() noexcept {
        opened();
        uv_unref(handle());
    }

    void wake_one() noexcept { waiters_.wake_one(); }

    [[nodiscard]] Error error(std::error_code code) const { return {code, "watch", describe()}; }

    [[nodiscard]] const Path& path() const noexcept { return path_; }

private:
    [[nodiscard]] virtual bool has_event() const noexcept = 0;
    virtual Result<std::optional<Event>> take() noexcept = 0;

    void wake_all() noexcept override { waiters_.wake_all(); }

    Path path_;
    CoQueue waiters_{"watch", this};
};

/// libuv would take what is before a zero byte for the path.
inline bool can_be_path(const Path& path) noexcept {
    return path.string().find('\0') == std::string::npos;
}

}  // namespace coloop
