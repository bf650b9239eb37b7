// SPDX-License-Identifier: MIT
#include <uv.h>

#include <coloop/race.hpp>
#include <coloop/uv_error.hpp>
#include <coloop/wait.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop::detail {

bool Runners::arrive(std::size_t runner) noexcept {
    if (winner_ != nobody) {
        return false;
    }
    winner_ = runner;
    group_.cancel();
    return true;
}

void Runners::note_failure() {
    try {
        throw;
    } catch (const Cancelled&) {
        if (Wait::already_cancelled()) {
            throw;
        }
        // It comes from elsewhere, and the caller of race() is not cancelled.
        failures_.push_back(std::make_exception_ptr(Error(uv_code(UV_ECANCELED), "race")));
    } catch (...) {
        failures_.push_back(std::current_exception());
    }
}

std::size_t Runners::wait_for_winner() {
    if (group_.size() == 0) {
        misuse("race: there are no functions to call, in " + describe(*Coroutine::self()) +
               "; somebody must be able to win");
    }
    try {
        group_.wait();
    } catch (const Cancelled&) {
        if (winner_ == nobody) {
            throw;
        }
    }
    if (winner_ == nobody) {
        for (std::size_t i = 1; i < failures_.size(); ++i) {
            print_failure(failures_[i]);
        }
        std::rethrow_exception(failures_.front());
    }
    return winner_;
}

}  // namespace coloop::detail
