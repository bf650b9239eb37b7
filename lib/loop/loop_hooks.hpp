// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

namespace coloop {

/// What a test harness decides for a loop, and what it hears of. A loop without hooks asks once for
/// each drain whether it has any, and pays no more for them.
///
/// A loop with hooks sets no timer: whoever moves the clock calls LoopState::expire_deadlines().
class LoopHooks {
public:
    /// For choose(): let the loop poll before anybody runs.
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

    /// The loop's clock, in nanoseconds.
    [[nodiscard]] virtual std::uint64_t time() const noexcept = 0;

    /// Which of the ready coroutines runs next: 0 for the one that has been ready longest. Called
    /// with one ready at least; may itself cancel and wake.
    virtual std::size_t choose(const Scheduler& ready) noexcept = 0;

    /// The chosen one has stopped.
    virtual void stopped() noexcept = 0;

    /// A coroutine was given to the loop.
    virtual void spawned(const Coroutine& coroutine) noexcept = 0;

    /// The running coroutine, which was spawned, is about to end.
    virtual void ended(const Coroutine& coroutine) noexcept = 0;

    /// Something was opened that lives until libuv has let go of it.
    virtual void opened(const Describable& handle) noexcept = 0;
    virtual void closed(const Describable& handle) noexcept = 0;

protected:
    ~LoopHooks() = default;
};

}  // namespace coloop
