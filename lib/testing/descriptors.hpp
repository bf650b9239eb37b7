// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

namespace coloop::testing {

/// The process's open descriptors, and what each stands for as far as the system says.
using Descriptors = std::map<int, std::string>;

/// Those that are open now.
Descriptors open_descriptors();

/// A line for each that is not in `before`, or stands for something else there; empty if none.
std::string new_descriptors(const Descriptors& before);

}  // namespace coloop::testing
