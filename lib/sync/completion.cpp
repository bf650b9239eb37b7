// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/completion.hpp>
#include <coloop/coroutine.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop {

namespace {

std::string caller() {
    return in_coroutine() ? ", in " + describe(*Coroutine::self()) : std::string();
}

}  // namespace

void CompletionState::refuse_to_set() noexcept {
    misuse("set a completion: it was set before" + caller() +
           "; a completion is for one value, make another for the next");
}

void CompletionState::refuse_to_wait() const noexcept {
    misuse("wait for a completion: another wait has come first" + caller() +
           "; a completion is for one waiter, which takes the value");
}

}  // namespace coloop
