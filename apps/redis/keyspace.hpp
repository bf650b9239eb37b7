// SPDX-License-Identifier: MIT
//
// The keys, what they stand for, and their time to live.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include <coloop/co_queue.hpp>

#include "../common/keyed_hash.hpp"

namespace redis {

/// An error that a client gets as its reply.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A name that is looked up, and its hash, which takes longer to make than all the rest.
struct Key {
    Key(const std::string& text);  // NOLINT(google-explicit-constructor): each name is a key

    bool operator==(const std::string& other) const { return name == other; }

    const std::string& name;
    const std::size_t hash;
};

struct Hasher {
    using is_transparent = void;

    std::size_t operator()(const std::string& text) const { return common::KeyedHash()(text); }

    std::size_t operator()(const Key& key) const { return key.hash; }
};

inline Key::Key(const std::string& text) : name(text), hash(Hasher()(text)) {}

template <typename T>
using Dict = std::unordered_map<std::string, T, Hasher, std::equal_to<>>;

using List = std::deque<std::string>;
using Hash = Dict<std::string>;
using Set = std::unordered_set<std::string, Hasher>;

/// Members with scores, found by name, and in the order of their scores by place.
struct SortedSet {
    using Place = std::pair<double, std::string_view>;  // the name is that in `scores`
    using Order =
        __gnu_pbds::tree<Place, __gnu_pbds::null_type, std::less<>, __gnu_pbds::rb_tree_tag,
                         __gnu_pbds::tree_order_statistics_node_update>;

    SortedSet() = default;
    SortedSet(const SortedSet&) = delete;
    SortedSet& operator=(const SortedSet&) = delete;

    Dict<double> scores;
    Order order;

    [[nodiscard]] bool empty() const { return scores.empty(); }

    [[nodiscard]] std::size_t size() const { return scores.size(); }

    [[nodiscard]] const double* find(const std::string& member) const;
    void put(const std::string& member, double score);
    std::size_t erase(const std::string& member);
};

using Value = std::variant<std::string, List, Hash, Set, SortedSet>;

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
    Entry* find(const Key& key);

    /// What `key` stands for, null if nothing. Throws Refusal if it is of another type.
    template <typename T>
    const T* find_as(const Key& key) {
        Entry* entry = find(key);
        return entry == nullptr ? nullptr : &as<T>(*entry);
    }

    /// The same, but something empty instead of nothing.
    template <typename T>
    const T& read(const Key& key) {
        static const T nothing{};
        const T* value = find_as<T>(key);
        return value == nullptr ? nothing : *value;
    }

    /// The same, for changing it: call changed() if it did, and settle() in any case.
    template <typename T>
    T& edit(const Key& key) {
        Entry* entry = find(key);
        before_change(key.hash % shard_count);
        T& value =
            entry == nullptr ? shard_of(key)[key.name].value.template emplace<T>() : as<T>(*entry);
        edited_.push_back(key.name);
        return value;
    }

    void changed(const std::string& key);

    /// Takes away what is empty after edit().
    void settle();

    /// Lets `key` stand for a string, and nothing it was before.
    void put(const Key& key, const std::string& value, Moment expires = never);

    /// False if there is no such key.
    bool erase(const Key& key);

    /// Sets when a key that is there expires.
    void set_expiry(const Key& key, Moment when);

    void clear();

    [[nodiscard]] std::size_t size() const;

    [[nodiscard]] const Shard& shard(std::size_t i) const { return shards_[i]; }

    /// Goes up with each change.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

    /// The time, as of the last tick(), which is due after each wait: it stands still during a
    /// command. Before the first one nothing expires.
    [[nodiscard]] Moment now() const { return now_; }

    void tick() { now_ = wall_time(); }

    /// Takes away what has expired, until cancelled.
    void expire_all();

private:
    template <typename T>
    static T& as(Entry& entry) {
        if (T* value = std::get_if<T>(&entry.value)) {
            return *value;
        }
        throw Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    Shard& shard_of(const Key& key) { return shards_[key.hash % shard_count]; }

    void note_expiry(const std::string& key, Entry& entry, Moment when);

    std::vector<Shard> shards_{shard_count};
    std::vector<std::string> edited_;
    std::set<std::pair<Moment, std::string>> expiring_;
    coloop::CoQueue first_expiring_{"wait for a key that expires"};
    std::uint64_t changes_ = 0;
    Moment now_ = 0;
};

}  // namespace redis
