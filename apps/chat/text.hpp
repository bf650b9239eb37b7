// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

/// What people type, made fit for the terminals of others.

/// `line` as UTF-8 that does nothing to a terminal: what is not UTF-8, control characters, and
/// those that turn the direction of writing become U+FFFD; a tab becomes a space.
std::string harmless(std::string_view line);

/// True if it will do as the name of somebody or of a room: 1 to 24 letters, digits, `-` and `_`.
/// Only ASCII, so that no two names look the same.
bool is_name(std::string_view text);

/// The same for all ways to write a name in capitals or small letters.
std::string folded(std::string_view name);
