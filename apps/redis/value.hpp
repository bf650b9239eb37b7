// SPDX-License-Identifier: MIT
//
// What a key can stand for.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

namespace redis {

/// SipHash with a key that is drawn at the start: nobody can choose keys that all fall into one
/// bucket. As it is not noexcept, tables keep what it returned.
struct Hasher {
    std::size_t operator()(const std::string& text) const;
};

/// A pseudo-random number.
[[nodiscard]] std::uint64_t random_number();

template <typename T>
using Dict = std::unordered_map<std::string, T, Hasher>;

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

    [[nodiscard]] const double* find(const std::string& member) const {
        const auto found = scores.find(member);
        return found == scores.end() ? nullptr : &found->second;
    }

    void put(const std::string& member, double score) {
        const auto [place, is_new] = scores.try_emplace(member, score);
        if (!is_new) {
            order.erase(Place(std::exchange(place->second, score), place->first));
        }
        order.insert(Place(score, place->first));
    }

    std::size_t erase(const std::string& member) {
        if (const double* score = find(member)) {
            order.erase(Place(*score, member));
        }
        return scores.erase(member);
    }
};

using Value = std::variant<std::string, List, Hash, Set, SortedSet>;

constexpr const char* type_names[] = {"string", "list", "hash", "set", "zset"};

}  // namespace redis
