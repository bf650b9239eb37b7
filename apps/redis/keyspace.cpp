// SPDX-License-Identifier: MIT
#include "keyspace.hpp"

#include <array>
#include <chrono>
#include <numeric>
#include <random>

#include <sodium.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/clock.hpp>
#include <coloop/sleep.hpp>

namespace redis {

std::size_t Hasher::operator()(const std::string& text) const {
    static const auto key = [] {
        std::array<unsigned char, crypto_shorthash_KEYBYTES> drawn;
        crypto_shorthash_keygen(drawn.data());
        return drawn;
    }();
    std::size_t hash = 0;
    static_assert(sizeof hash == crypto_shorthash_BYTES);
    crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data());
    return hash;
}

std::uint64_t random_number() {
    static std::mt19937_64 generator(std::random_device{}());
    return generator();
}

Moment wall_time() { return coloop::wall_clock().now() / 1'000'000; }

Entry* Keyspace::find(const std::string& key) {
    Shard& shard = shards_[shard_of(key)];
    const auto found = shard.find(key);
    if (found == shard.end()) {
        return nullptr;
    }
    if (found->second.expires != never && found->second.expires <= now()) {
        const std::string gone = key;  // it may be the one in expiring_
        erase(gone);
        on_expired(gone);
        return nullptr;
    }
    return &found->second;
}

Entry& Keyspace::add(const std::string& key) {
    before_change(shard_of(key));
    return shards_[shard_of(key)][key];
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

void Keyspace::note_change(const std::string& key) {
    ++changes_;
    after_change(key);
}

void Keyspace::changed(const std::string& key) {
    const auto is_empty = [](const auto& value) { return value.empty(); };
    const Value& value = shards_[shard_of(key)].at(key).value;
    if (!std::holds_alternative<std::string>(value) && std::visit(is_empty, value)) {
        erase(key);
    } else {
        note_change(key);
    }
}

void Keyspace::put(const std::string& key, const std::string& value, Moment expires) {
    Entry& entry = add(key);
    entry.value.emplace<std::string>(value);
    if (entry.expires != expires) {
        note_expiry(key, entry, expires);
    }
    note_change(key);
}

bool Keyspace::erase(const std::string& key) {
    Shard& shard = shards_[shard_of(key)];
    const auto found = shard.find(key);
    if (found == shard.end()) {
        return false;
    }
    before_change(shard_of(key));
    note_expiry(key, found->second, never);
    shard.erase(found);
    note_change(key);
    return true;
}

void Keyspace::rename(const std::string& from, const std::string& to) {
    erase(to);
    before_change(shard_of(from));
    before_change(shard_of(to));
    Entry& entry = *find(from);
    const Moment expires = entry.expires;
    note_expiry(from, entry, never);
    auto node = shards_[shard_of(from)].extract(from);
    node.key() = to;
    note_expiry(to, shards_[shard_of(to)].insert(std::move(node)).position->second, expires);
    note_change(from);
    note_change(to);
}

void Keyspace::set_expiry(const std::string& key, Moment when) {
    before_change(shard_of(key));
    note_expiry(key, shards_[shard_of(key)].at(key), when);
    note_change(key);
}

void Keyspace::clear() {
    for (Shard& shard : shards_) {
        for (const auto& [key, entry] : Shard(std::exchange(shard, {}))) {
            after_change(key);
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
    constexpr int at_once = 1000;
    for (;;) {
        while (expiring_.empty()) {
            first_expiring_.wait();
        }
        tick();
        for (int i = 1; !expiring_.empty() && find(expiring_.begin()->second) == nullptr; ++i) {
            if (i % at_once == 0) {
                coloop::checkpoint();
            }
        }
        coloop::co_sleep(std::chrono::milliseconds(100));
    }
}

}  // namespace redis
