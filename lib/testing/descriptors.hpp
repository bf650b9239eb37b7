// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

namespace coloop::testing {

/// What a descriptor stands for, as far as the system says.
struct Target {
    std::string name;      // which changes when a file is moved or deleted
    std::string identity;  // which does not
};

/// The process's open descriptors.
using Descriptors = std::map<int, Target>;

/// Those that are open now.
Descriptors open_descriptors();

/// A line for each that is not in `before`, or stands for something else there; empty if none.
std::string new_descriptors(const Descriptors& before);

}  // namespace coloop::testing
