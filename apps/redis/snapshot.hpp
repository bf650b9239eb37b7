// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "keyspace.hpp"

namespace redis {

/// Appends the requests that make a key, what it stands for, and its time to live.
void append_node(std::string& to, const Keyspace::Node& node);

}  // namespace redis
