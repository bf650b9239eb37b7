// SPDX-License-Identifier: MIT
//
// What a key can stand for.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include "dict.hpp"

namespace redis {

using String = std::string;
using List = std::deque<std::string>;
using Hash = Dict<std::string>;
using Set = Dict<Nothing>;

/// Members with scores, found by name, and in the order of their scores by place.
struct SortedSet {
    using Place = std::pair<double, std::string_view>;  // the name is that in `scores`
    using Order =
        __gnu_pbds::tree<Place, __gnu_pbds::null_type, std::less<>, __gnu_pbds::rb_tree_tag,
                         __gnu_pbds::tree_order_statistics_node_update>;

    Dict<double> scores;
    Order order;

    [[nodiscard]] bool empty() const { return scores.empty(); }

    /// True if the member is new.
    bool put(std::string_view member, double score) {
        const auto [node, is_new] = scores.insert(member);
        if (!is_new) {
            order.erase(Place(node->value, node->key));
        }
        node->value = score;
        order.insert(Place(score, node->key));
        return is_new;
    }

    bool erase(std::string_view member) {
        const auto* node = scores.find(member);
        if (node == nullptr) {
            return false;
        }
        order.erase(Place(node->value, node->key));
        return scores.erase(member);
    }
};

using Value = std::variant<String, std::unique_ptr<List>, std::unique_ptr<Hash>,
                           std::unique_ptr<Set>, std::unique_ptr<SortedSet>>;

constexpr std::string_view type_names[] = {"string", "list", "hash", "set", "zset"};

/// Null if the value is of another type.
template <typename T>
T* value_as(Value& value) {
    if constexpr (std::is_same_v<T, String>) {
        return std::get_if<String>(&value);
    } else {
        auto* held = std::get_if<std::unique_ptr<T>>(&value);
        return held == nullptr ? nullptr : held->get();
    }
}

template <typename T>
Value make_value() {
    if constexpr (std::is_same_v<T, String>) {
        return String();
    } else {
        return std::make_unique<T>();
    }
}

/// Milliseconds since 1970.
using Moment = std::int64_t;

constexpr Moment never = std::numeric_limits<Moment>::max();

struct Entry {
    Value value;
    Moment expires = never;
    std::uint32_t epoch = 0;  // of the last snapshot that has it, or that it is too new for
};

}  // namespace redis
