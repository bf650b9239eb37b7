// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "hall.hpp"

/// Does what a guest's line says: a command if it begins with a slash, else something to be said
/// in its room. False if it wants to leave.
bool obey(Hall& hall, Guest& guest, std::string_view line);
