// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <coloop/clock.hpp>

#include "../common/keyed_hash.hpp"
#include "message.hpp"

struct Reply {
    AnswerPtr answer;
    std::uint32_t age = 0;  ///< seconds since it came
};

/// Answers by question, of a bounded size: whichever was not asked for longest is thrown out.
class Cache {
public:
    explicit Cache(std::size_t bytes) : room_(bytes) {}

    std::optional<Reply> find(std::string_view key) {
        const auto found = places_.find(key);
        if (found == places_.end()) {
            return std::nullopt;
        }
        const Place entry = found->second;
        const auto age = static_cast<std::uint32_t>(seconds() - entry->since);
        if (age >= entry->answer->ttl && !entry->answer->authoritative) {
            remove(entry);
            return std::nullopt;
        }
        entries_.splice(entries_.begin(), entries_, entry);
        return Reply{entry->answer, age};
    }

    void put(std::string key, AnswerPtr answer) {
        if (const auto old = places_.find(key); old != places_.end()) {
            remove(old->second);
        }
        entries_.push_front({std::move(key), std::move(answer), seconds()});
        places_.emplace(entries_.front().key, entries_.begin());
        used_ += bytes_of(entries_.front());
        while (used_ > room_) {
            remove(std::prev(entries_.end()));
        }
    }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    [[nodiscard]] std::size_t bytes() const { return used_; }

private:
    struct Entry {
        std::string key;
        AnswerPtr answer;
        std::int64_t since;
    };

    using Place = std::list<Entry>::iterator;

    static std::int64_t seconds() { return coloop::monotonic_clock().now() / 1'000'000'000; }

    static std::size_t bytes_of(const Entry& entry) {
        constexpr std::size_t overhead = 256;  // nodes of the list and the map, blocks of memory
        return overhead + entry.key.capacity() + entry.answer->records.capacity();
    }

    void remove(Place entry) {
        used_ -= bytes_of(*entry);
        places_.erase(entry->key);
        entries_.erase(entry);
    }

    std::list<Entry> entries_;  // the one that was asked for last is first
    std::unordered_map<std::string_view, Place, common::KeyedHash> places_;
    std::size_t room_;
    std::size_t used_ = 0;
};
