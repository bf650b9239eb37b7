// SPDX-License-Identifier: MIT
#include <coloop/cancel_scope.hpp>
#include <coloop/shutdown.hpp>
#include <coloop/signal.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

void Shutdown::run(const std::function<void()>& function) const {
    LoopState& state = LoopState::current("run until a signal comes");
    SignalSet signals = SignalSet::watch(signals_, std::nothrow).value();
    CancelScope scope;
    TaskGroup watchers({.shielded = true});  // the scope it cancels is not its own
    watchers.spawn(
        [&] {
            const int first = signals.wait();
            if (tell_) {
                tell_(first);
            }
            scope.cancel();
            move_on_after(grace_, [&] { signals.wait(); });
            state.patience().cancel();
            signals.close();
        },
        {.name = "shutdown"});
    scope.run(function);
}

}  // namespace coloop
