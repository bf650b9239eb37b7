// SPDX-License-Identifier: MIT
//
// The keys: finding and changing what they stand for, and their time to live.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <coloop/co_queue.hpp>

#include "value.hpp"

namespace redis {

/// An error that a client gets as its reply.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Milliseconds since 1970.
using Moment = std::int64_t;

constexpr Moment never = std::numeric_limits<Moment>::max();

[[nodiscard]] Moment wall_time();

struct Entry {
    Value value;
    Moment expires = never;
};

/// They are in many small tables, so that growing never takes long, and so that SCAN and snapshots
/// can go through them piece by piece while they change.
class Keyspace {
public:
    using Shard = Dict<Entry>;

    static constexpr std::size_t shard_count = 4096;

    // What others do about changes.
    std::function<void(std::size_t)> before_change;  // of that shard
    std::function<void(const std::string&)> after_change;
    std::function<void(const std::string&)> on_expired;

    /// Null if there is no such key, or no longer.
    Entry* find(const std::string& key);

    /// What `key` stands for, null if nothing. Throws Refusal if it is of another type.
    template <typename T>
    const T* find_as(const std::string& key) {
        Entry* entry = find(key);
        return entry == nullptr ? nullptr : &as<T>(*entry);
    }

    /// The same, but something empty instead of nothing.
    template <typename T>
    const T& read(const std::string& key) {
        static const T nothing{};
        const T* value = find_as<T>(key);
        return value == nullptr ? nothing : *value;
    }

    /// What `key` stands for, for changing it, null if nothing; call changed() afterwards.
    template <typename T>
    T* edit(const std::string& key) {
        Entry* entry = find(key);
        if (entry == nullptr) {
            return nullptr;
        }
        T& value = as<T>(*entry);
        before_change(shard_of(key));
        return &value;
    }

    /// The same, made if there is none.
    template <typename T>
    T& make(const std::string& key) {
        T* value = edit<T>(key);
        return value != nullptr ? *value : add(key).value.template emplace<T>();
    }

    /// To be called when what `key` stands for was edited; takes it away if that is empty now.
    void changed(const std::string& key);

    /// Lets `key` stand for a string, and nothing it was before.
    void put(const std::string& key, const std::string& value, Moment expires = never);

    /// False if there is no such key.
    bool erase(const std::string& key);

    /// The key `from`, which must be there, is called `to` from now on.
    void rename(const std::string& from, const std::string& to);

    /// Sets when a key that is there expires.
    void set_expiry(const std::string& key, Moment when);

    void clear();

    [[nodiscard]] std::size_t size() const;

    [[nodiscard]] std::size_t volatile_size() const { return expiring_.size(); }

    [[nodiscard]] const Shard& shard(std::size_t i) const { return shards_[i]; }

    /// Goes up with each change.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

    /// The time, as of the last tick(): it stands still during a command. Before the first one
    /// nothing expires.
    [[nodiscard]] Moment now() const { return now_; }

    void tick() { now_ = wall_time(); }

    /// Takes away what has expired, until cancelled.
    void expire_all();

private:
    template <typename T>
    static T& as(Entry& entry) {
        T* value = std::get_if<T>(&entry.value);
        if (value == nullptr) {
            throw Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        return *value;
    }

    static std::size_t shard_of(const std::string& key) {
        return std::hash<std::string>()(key) % shard_count;
    }

    Entry& add(const std::string& key);
    void note_expiry(const std::string& key, Entry& entry, Moment when);
    void note_change(const std::string& key);

    std::vector<Shard> shards_{shard_count};
    std::set<std::pair<Moment, std::string>> expiring_;
    coloop::CoQueue first_expiring_{"wait for a key that expires"};
    std::uint64_t changes_ = 0;
    Moment now_ = 0;
};

}  // namespace redis
