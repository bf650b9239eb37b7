// SPDX-License-Identifier: MIT
#pragma once

#include "testing/schedule.hpp"

namespace coloop {

using Choices = testing::ExploringSchedule;

/// Calls `run(choices)` once for each combination of what it picks, depth first. It must behave the
/// same whenever it picks the same.
template <typename Run>
void explore(Run run) {
    Choices choices;
    do {
        run(choices);
    } while (choices.advance());
}

}  // namespace coloop
