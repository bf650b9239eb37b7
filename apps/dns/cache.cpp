// SPDX-License-Identifier: MIT
#include "cache.hpp"

#include <utility>

#include <coloop/clock.hpp>

namespace {

std::int64_t seconds() { return coloop::monotonic_clock().now() / 1'000'000'000; }

}  // namespace

std::size_t Cache::Entry::bytes() const {
    constexpr std::size_t overhead = 256;  // nodes of the list and the map, and blocks of memory
    return overhead + key.capacity() + answer->wire.capacity() + 2 * answer->ttl_places.capacity();
}

std::optional<Cache::Hit> Cache::find(std::string_view key) {
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
    return Hit{entry->answer, age};
}

void Cache::put(std::string key, AnswerPtr answer) {
    if (const auto old = places_.find(key); old != places_.end()) {
        remove(old->second);
    }
    entries_.push_front({std::move(key), std::move(answer), seconds()});
    places_.emplace(entries_.front().key, entries_.begin());
    used_ += entries_.front().bytes();
    while (used_ > room_) {
        remove(std::prev(entries_.end()));
    }
}

void Cache::remove(Place entry) {
    used_ -= entry->bytes();
    places_.erase(entry->key);
    entries_.erase(entry);
}
