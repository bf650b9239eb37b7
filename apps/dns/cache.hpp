// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "message.hpp"

/// Answers by question, of a bounded size: whichever was not asked for longest is thrown out.
class Cache {
public:
    explicit Cache(std::size_t bytes) : room_(bytes) {}

    struct Hit {
        AnswerPtr answer;
        std::uint32_t age;  ///< seconds
    };

    std::optional<Hit> find(std::string_view key);
    void put(std::string key, AnswerPtr answer);

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    [[nodiscard]] std::size_t bytes() const { return used_; }

private:
    struct Entry {
        std::string key;
        AnswerPtr answer;
        std::int64_t since;  // seconds of the monotonic clock

        [[nodiscard]] std::size_t bytes() const;
    };

    using Place = std::list<Entry>::iterator;

    void remove(Place entry);

    std::list<Entry> entries_;  // the one that was asked for last is first
    std::unordered_map<std::string_view, Place> places_;
    std::size_t room_;
    std::size_t used_ = 0;
};
