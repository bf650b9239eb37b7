// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/intrusive_list.hpp>

namespace proxy {

/// Cuts off whoever has not moved a byte for too long. All wait in one list, the longest idle
/// first, so that a byte that moves costs no timer, and one coroutine looks after all.
class IdleWatch {
public:
    explicit IdleWatch(std::chrono::milliseconds limit) noexcept;

    /// One who is watched, from construction to destruction.
    class Watched : public coloop::ListLink {
    public:
        explicit Watched(IdleWatch& watch) noexcept;
        ~Watched();

        /// Something has moved.
        void touch() noexcept;

        /// Calls `function()`; returns false if it was cut off.
        template <typename Function>
        bool run(Function&& function) {
            return scope_.run(std::forward<Function>(function)) && !scope_.cancel_called();
        }

    private:
        friend class IdleWatch;

        IdleWatch& watch_;
        coloop::CancelScope scope_;
        std::int64_t since_ = 0;
    };

    /// Watches until cancelled.
    void run();

private:
    std::int64_t limit_;  // in nanoseconds
    coloop::IntrusiveList<Watched> watched_;
};

}  // namespace proxy
