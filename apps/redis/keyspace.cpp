// SPDX-License-Identifier: MIT
#include "keyspace.hpp"

#include <chrono>
#include <numeric>

#include <coloop/cancel_scope.hpp>
#include <coloop/clock.hpp>
#include <coloop/sleep.hpp>

namespace redis {

const double* SortedSet::find(const std::string& member) const {
    const auto found = scores.find(member);
    return found == scores.end() ? nullptr : &found->second;
}

void SortedSet::put(const std::string& member, double score) {
    const auto [place, is_new] = scores.try_emplace(member, score);
    if (!is_new) {
        order.erase(Place(std::exchange(place->second, score), place->first));
    }
    order.insert(Place(score, place->first));
}

std::size_t SortedSet::erase(const std::string& member) {
    if (const double* score = find(member)) {
        order.erase(Place(*score, member));
    }
    return scores.erase(member);
}

Moment wall_time() { return coloop::wall_clock().now() / 1'000'000; }

Entry* Keyspace::find(const Key& key) {
    Shard& shard = shard_of(key);
    const auto found = shard.find(key);
    if (found == shard.end()) {
        return nullptr;
    }
    if (found->second.expires != never && found->second.expires <= now_) {
        const std::string gone = key.name;  // it may be the one in expiring_
        erase(gone);
        on_expired(gone);
        return nullptr;
    }
    return &found->second;
}

void Keyspace::note_expiry(const std::string& key, Entry& entry, Moment when) {
    if (entry.expires != never) {
        expiring_.erase({entry.expires, key});
    }
    entry.expires = when;
    if (when != never) {
        expiring_.emplace(when, key);
        first_expiring_.wake_one();
    }
}

void Keyspace::changed(const std::string& key) {
    ++changes_;
    after_change(key);
}

void Keyspace::settle() {
    for (const std::string& key : edited_) {
        Shard& shard = shard_of(key);
        const auto found = shard.find(key);
        const auto is_empty = [](const auto& value) { return value.empty(); };
        if (found != shard.end() && !std::holds_alternative<std::string>(found->second.value) &&
            std::visit(is_empty, found->second.value)) {
            note_expiry(key, found->second, never);
            shard.erase(found);
        }
    }
    edited_.clear();
}

void Keyspace::put(const Key& key, const std::string& value, Moment expires) {
    before_change(key.hash % shard_count);
    Shard& shard = shard_of(key);
    const auto found = shard.find(key);
    Entry& entry = found == shard.end() ? shard[key.name] : found->second;
    if (auto* old = std::get_if<std::string>(&entry.value)) {
        *old = value;
    } else {
        entry.value.emplace<std::string>(value);
    }
    if (entry.expires != expires) {
        note_expiry(key.name, entry, expires);
    }
    changed(key.name);
}

bool Keyspace::erase(const Key& key) {
    Shard& shard = shard_of(key);
    const auto found = shard.find(key);
    if (found == shard.end()) {
        return false;
    }
    before_change(key.hash % shard_count);
    note_expiry(key.name, found->second, never);
    shard.erase(found);
    changed(key.name);
    return true;
}

void Keyspace::set_expiry(const Key& key, Moment when) {
    before_change(key.hash % shard_count);
    note_expiry(key.name, shard_of(key).find(key)->second, when);
    changed(key.name);
}

void Keyspace::clear() {
    for (Shard& shard : shards_) {
        for (const auto& [key, entry] : Shard(std::exchange(shard, {}))) {
            changed(key);
        }
    }
    ++changes_;
    expiring_.clear();
}

std::size_t Keyspace::size() const {
    return std::transform_reduce(shards_.begin(), shards_.end(), std::size_t{0}, std::plus<>(),
                                 [](const Shard& shard) { return shard.size(); });
}

void Keyspace::expire_all() {
    for (;;) {
        while (expiring_.empty()) {
            first_expiring_.wait();
        }
        tick();
        for (int i = 1; !expiring_.empty() && find(expiring_.begin()->second) == nullptr; ++i) {
            if (i % 1000 == 0) {
                coloop::checkpoint();
            }
        }
        coloop::co_sleep(std::chrono::milliseconds(100));
    }
}

}  // namespace redis
