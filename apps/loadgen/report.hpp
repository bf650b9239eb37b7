// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "settings.hpp"
#include "tally.hpp"

namespace loadgen {

/// The result for people.
[[nodiscard]] std::string table(const Settings& settings, const Tally& tally);

/// The result for programs.
[[nodiscard]] std::string json(const Settings& settings, const Tally& tally);

/// The result as a picture.
[[nodiscard]] std::string svg(const Settings& settings, const Tally& tally);

}  // namespace loadgen
