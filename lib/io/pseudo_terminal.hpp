// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <coloop/descriptor.hpp>
#include <coloop/process.hpp>

namespace coloop {

/// A new terminal: our end, and where the other can be opened.
struct NewTerminal {
    Descriptor ours;
    std::string path;
};

/// Opens a terminal that `user` may use. An error is libuv's code, below zero.
int open_terminal(TerminalSize size, std::optional<std::uint32_t> user,
                  NewTerminal& terminal) noexcept;

/// 0 if `program` can be executed, as far as can be seen: a path, from `directory` on if that is
/// not empty, or a name that is in one of the folders of `search`; else libuv's code.
int look_for_program(const std::string& program, const std::string& directory,
                     const std::string& search) noexcept;

}  // namespace coloop
