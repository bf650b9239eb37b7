// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <unordered_map>

#include <uv.h>

#include <coloop/coroutine.hpp>
#include <coloop/loop.hpp>
#include <coloop/wait.hpp>

#include "testing/origin.hpp"

namespace coloop::testing {

/// What is there of a test, and where it was made.
class Leftovers {
public:
    /// `own` is a handle that is not the test's.
    Leftovers(const Loop& loop, const uv_timer_t& own) noexcept : uv_(loop.uv()), own_(own) {}

    /// From here on; what is there already is none of the test's.
    void begin();

    void add(const Coroutine& coroutine) { coroutines_[&coroutine] = Origin::here(); }

    void remove(const Coroutine& coroutine) noexcept { coroutines_.erase(&coroutine); }

    void add(const Describable& handle) { handles_[&handle] = Origin::here(); }

    void remove(const Describable& handle) noexcept { handles_.erase(&handle); }

    /// The coroutines that are left, a line for each, with who spawned it.
    [[nodiscard]] std::string coroutines() const;

    /// All that is left, line by line; empty if nothing is.
    [[nodiscard]] std::string text() const;

    /// Starts closing the handles that are left.
    void close_handles() noexcept;

private:
    [[nodiscard]] bool is_ours(const uv_handle_t& handle) const noexcept;
    [[nodiscard]] std::string raw_handles() const;
    [[nodiscard]] std::string bare_coroutines() const;

    template <typename Visit>
    void for_each_raw_handle(Visit visit) const;

    uv_loop_t* uv_;
    const uv_timer_t& own_;
    std::unordered_map<const Coroutine*, Origin> coroutines_;
    std::unordered_map<const Describable*, Origin> handles_;
    std::set<const uv_handle_t*> others_handles_;
    std::set<const Coroutine*> others_coroutines_;
    std::size_t others_stacks_ = 0;
};

}  // namespace coloop::testing
