// SPDX-License-Identifier: MIT
//
// What one connection says, and what it must hear: the n-th request has one right answer.
#pragma once

#include <cstdint>
#include <string>

#include "settings.hpp"

namespace loadgen {

class Dialogue {
public:
    /// For connection `number`, whose key no other connection uses.
    Dialogue(const Settings& settings, std::size_t number);

    /// What has to be said once before the requests, and answered by "+OK"; may be empty.
    [[nodiscard]] std::string opening() const;

    /// Appends request `n`, counted from 1.
    void ask(std::string& to, std::uint64_t n);

    /// The answer to request `n`; holds until the next call.
    const std::string& answer_to(std::uint64_t n);

private:
    [[nodiscard]] const std::string& payload(std::uint64_t n);
    [[nodiscard]] std::string set(const std::string& value) const;

    Protocol protocol_;
    Command command_;
    std::string key_;
    std::string payload_;
    std::string answer_;
};

}  // namespace loadgen
