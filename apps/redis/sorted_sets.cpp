// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "members.hpp"

namespace redis {

namespace {

std::size_t size_of(const SortedSet* set) { return set == nullptr ? 0 : set->scores.size(); }

void reply_size(Call& call, std::size_t size) {
    call.reply.integer(static_cast<std::int64_t>(size));
}

struct AddOptions {
    bool if_absent = false;
    bool if_present = false;
    bool if_greater = false;
    bool if_less = false;
    bool count_changed = false;
    bool increment = false;
    std::size_t first = 2;  // argument that is a score
};

AddOptions add_options(const Call& call) {
    AddOptions options;
    for (;; ++options.first) {
        const std::string word =
            options.first < call.size() ? lower(call[options.first]) : std::string();
        bool* option = word == "nx"     ? &options.if_absent
                       : word == "xx"   ? &options.if_present
                       : word == "gt"   ? &options.if_greater
                       : word == "lt"   ? &options.if_less
                       : word == "ch"   ? &options.count_changed
                       : word == "incr" ? &options.increment
                                        : nullptr;
        if (option == nullptr) {
            break;
        }
        *option = true;
    }
    const std::size_t pairs = call.size() - std::min(options.first, call.size());
    if (pairs == 0 || pairs % 2 == 1) {
        refuse_syntax();
    }
    if (options.if_absent && options.if_present) {
        throw Refusal("ERR XX and NX options at the same time are not compatible");
    }
    if (options.if_greater + options.if_less + options.if_absent > 1) {
        throw Refusal("ERR GT, LT, and/or NX options at the same time are not compatible");
    }
    if (options.increment && pairs > 2) {
        throw Refusal("ERR INCR option supports a single increment-element pair");
    }
    return options;
}

/// The score that a member shall have; nothing if it stays as it is because of the options.
std::optional<double> new_score(const AddOptions& options, const Dict<double>::Node* old,
                                double score) {
    if (old == nullptr ? options.if_present : options.if_absent) {
        return std::nullopt;
    }
    if (old != nullptr && options.increment) {
        score += old->value;
        if (std::isnan(score)) {
            throw Refusal("ERR resulting score is not a number (NaN)");
        }
    }
    const bool refused = old != nullptr && ((options.if_greater && score <= old->value) ||
                                            (options.if_less && score >= old->value));
    return refused ? std::nullopt : std::optional(score);
}

void add(Call& call, const AddOptions& options) {
    std::vector<double> scores;
    for (std::size_t i = options.first; i < call.size(); i += 2) {
        scores.push_back(call.real(i));
    }
    SortedSet* set = call.keys.edit<SortedSet>(call[1]);
    std::int64_t added = 0;
    std::int64_t updated = 0;
    std::optional<double> score;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const std::string_view member = call[options.first + 2 * i + 1];
        const auto* old = set == nullptr ? nullptr : set->scores.find(member);
        score = new_score(options, old, scores[i]);
        if (!score || (old != nullptr && old->value == *score)) {
            continue;
        }
        (old == nullptr ? added : updated) += 1;
        set = set == nullptr ? &call.keys.make<SortedSet>(call[1]) : set;
        set->put(member, *score);
    }
    if (added + updated > 0) {
        call.keys.changed(call[1]);
    }
    if (!options.increment) {
        call.reply.integer(options.count_changed ? added + updated : added);
    } else if (score) {
        call.reply.real(*score);
    } else {
        call.reply.null();
    }
}

void zincrby(Call& call) {
    AddOptions options;
    options.increment = true;
    add(call, options);
}

void reply_score(Call& call, const SortedSet* set, std::string_view member) {
    const auto* node = set == nullptr ? nullptr : set->scores.find(member);
    node == nullptr ? call.reply.null() : call.reply.real(node->value);
}

void zmscore(Call& call) {
    const SortedSet* set = call.keys.read<SortedSet>(call[1]);
    call.reply.array(call.size() - 2);
    for (const std::string_view member : call.args.subspan(2)) {
        reply_score(call, set, member);
    }
}

void rank(Call& call, bool reverse) {
    const SortedSet* set = call.keys.read<SortedSet>(call[1]);
    const auto* node = set == nullptr ? nullptr : set->scores.find(call[2]);
    if (node == nullptr) {
        return call.reply.null();
    }
    const std::size_t at = set->order.order_of_key({node->value, node->key});
    reply_size(call, reverse ? set->order.size() - 1 - at : at);
}

/// Places in the order, from `first` up to, not including, `end`.
struct Slice {
    std::size_t first = 0;
    std::size_t end = 0;

    [[nodiscard]] std::size_t size() const { return end - first; }
};

Slice by_rank(std::int64_t first, std::int64_t last, std::size_t count) {
    const auto size = static_cast<std::int64_t>(count);
    first = std::max<std::int64_t>(first < 0 ? first + size : first, 0);
    last = std::min(last < 0 ? last + size : last, size - 1);
    return first > last
               ? Slice()
               : Slice{static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
}

/// One end of a range of scores or names: included or not.
template <typename T>
struct Bound {
    T value;
    bool excluded;
};

Bound<double> score_bound(std::string_view text) {
    const bool excluded = text.starts_with('(');
    const std::string number(text.substr(excluded ? 1 : 0));
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);  // Redis takes none at all for 0, too
    if (end != number.c_str() + number.size() || std::isnan(value)) {
        throw Refusal("ERR min or max is not a float");
    }
    return {value, excluded};
}

/// How many places come before the scores that `bound` lets in, or end with them.
std::size_t place_of(const SortedSet& set, Bound<double> bound, bool is_end) {
    if (bound.excluded != is_end) {  // behind all with that score
        const double next = std::nextafter(bound.value, std::numeric_limits<double>::infinity());
        return std::isinf(bound.value) && bound.value > 0 ? set.order.size()
                                                          : set.order.order_of_key({next, {}});
    }
    return set.order.order_of_key({bound.value, {}});
}

Slice by_score(const SortedSet* set, std::string_view low, std::string_view high) {
    const auto from = score_bound(low);
    const auto to = score_bound(high);
    if (set == nullptr) {
        return {};
    }
    const Slice slice{place_of(*set, from, false), place_of(*set, to, true)};
    return slice.first < slice.end ? slice : Slice();
}

/// Takes some from the front, or, if `reverse`, from the back, and leaves so many; all if negative.
Slice limited(Slice slice, std::int64_t skip, std::int64_t count, bool reverse) {
    if (skip < 0) {
        return {};
    }
    const std::size_t gone = std::min(static_cast<std::size_t>(skip), slice.size());
    (reverse ? slice.end : slice.first) += reverse ? 0 - gone : gone;
    if (count >= 0 && static_cast<std::size_t>(count) < slice.size()) {
        const auto most = static_cast<std::size_t>(count);
        reverse ? slice.first = slice.end - most : slice.end = slice.first + most;
    }
    return slice;
}

void reply_slice(Call& call, const SortedSet* set, Slice slice, bool reverse, bool with_scores) {
    const bool pairs = with_scores && call.reply.protocol > 2;
    call.reply.array(slice.size() * (with_scores && !pairs ? 2 : 1));
    for (std::size_t i = 0; i < slice.size(); ++i) {
        const auto place = set->order.find_by_order(reverse ? slice.end - 1 - i : slice.first + i);
        if (pairs) {
            call.reply.array(2);
        }
        call.reply.bulk(place->second);
        if (with_scores) {
            call.reply.real(place->first);
        }
    }
}

struct RangeOptions {
    bool by_score = false;
    bool reverse = false;
    bool with_scores = false;
    bool limit = false;
    std::int64_t skip = 0;
    std::int64_t count = -1;
};

RangeOptions range_options(const Call& call, RangeOptions options, bool any) {
    for (std::size_t i = 4; i < call.size(); ++i) {
        if (call.is(i, "withscores")) {
            options.with_scores = true;
        } else if (call.is(i, "limit") && i + 2 < call.size()) {
            options.limit = true;
            options.skip = call.integer(i + 1);
            options.count = call.integer(i + 2);
            i += 2;
        } else if (any && call.is(i, "rev")) {
            options.reverse = true;
        } else if (any && call.is(i, "byscore")) {
            options.by_score = true;
        } else {
            refuse_syntax();
        }
    }
    if (options.limit && !options.by_score) {
        throw Refusal(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE "
            "or BYLEX");
    }
    return options;
}

void range(Call& call, RangeOptions defaults, bool any) {
    const RangeOptions options = range_options(call, defaults, any);
    const bool reverse = options.reverse;
    if (options.by_score) {
        static_cast<void>(score_bound(call[2]).value + score_bound(call[3]).value);
        const SortedSet* set = call.keys.read<SortedSet>(call[1]);
        const Slice slice = by_score(set, call[reverse ? 3 : 2], call[reverse ? 2 : 3]);
        return reply_slice(call, set, limited(slice, options.skip, options.count, reverse), reverse,
                           options.with_scores);
    }
    const std::int64_t first = call.integer(2);
    const std::int64_t last = call.integer(3);
    const SortedSet* set = call.keys.read<SortedSet>(call[1]);
    Slice slice = by_rank(first, last, size_of(set));
    if (reverse && slice.size() > 0) {
        slice = {size_of(set) - slice.end, size_of(set) - slice.first};
    }
    reply_slice(call, set, slice, reverse, options.with_scores);
}

void zcount(Call& call) {
    static_cast<void>(score_bound(call[2]).value + score_bound(call[3]).value);
    const SortedSet* set = call.keys.read<SortedSet>(call[1]);
    reply_size(call, by_score(set, call[2], call[3]).size());
}

void remove(Call& call, SortedSet* set, Slice slice) {
    for (std::size_t i = slice.size(); i > 0; --i) {
        set->erase(std::string(set->order.find_by_order(slice.first)->second));
    }
    if (slice.size() > 0) {
        call.keys.changed(call[1]);
    }
}

void zremrangebyscore(Call& call) {
    static_cast<void>(score_bound(call[2]).value + score_bound(call[3]).value);
    SortedSet* set = call.keys.edit<SortedSet>(call[1]);
    const Slice slice = by_score(set, call[2], call[3]);
    remove(call, set, slice);
    reply_size(call, slice.size());
}

void zremrangebyrank(Call& call) {
    const std::int64_t first = call.integer(2);
    const std::int64_t last = call.integer(3);
    SortedSet* set = call.keys.edit<SortedSet>(call[1]);
    const Slice slice = by_rank(first, last, size_of(set));
    remove(call, set, slice);
    reply_size(call, slice.size());
}

void zpop(Call& call, bool highest) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    const std::int64_t count = call.size() > 2 ? integer_of(call[2]).value_or(-1) : 1;
    if (count < 0) {
        throw Refusal("ERR value is out of range, must be positive");
    }
    SortedSet* set = call.keys.edit<SortedSet>(call[1]);
    const Slice slice = limited({0, size_of(set)}, 0, count, highest);
    if (call.reply.protocol > 2 && call.size() == 2 && slice.size() == 1) {  // not in an array
        const auto place = set->order.find_by_order(slice.first);
        call.reply.array(2);
        call.reply.bulk(place->second);
        call.reply.real(place->first);
    } else {
        reply_slice(call, set, slice, highest, true);
    }
    if (set != nullptr) {
        remove(call, set, slice);
    }
}

constexpr RangeOptions plain;
constexpr RangeOptions reversed{.reverse = true};
constexpr RangeOptions scored{.by_score = true};
constexpr RangeOptions scored_reversed{.by_score = true, .reverse = true};

constexpr Command commands[] = {
    {"zadd", -4, flag::write, [](Call& call) { add(call, add_options(call)); }, 1, 1, 1},
    {"zincrby", 4, flag::write, zincrby, 1, 1, 1},
    {"zrem", -3, flag::write, erase_members<SortedSet>, 1, 1, 1},
    {"zcard", 2, 0,
     [](Call& call) { reply_size(call, size_of(call.keys.read<SortedSet>(call[1]))); }, 1, 1, 1},
    {"zscore", 3, 0,
     [](Call& call) { reply_score(call, call.keys.read<SortedSet>(call[1]), call[2]); }, 1, 1, 1},
    {"zmscore", -3, 0, zmscore, 1, 1, 1},
    {"zrank", 3, 0, [](Call& call) { rank(call, false); }, 1, 1, 1},
    {"zrevrank", 3, 0, [](Call& call) { rank(call, true); }, 1, 1, 1},
    {"zcount", 4, 0, zcount, 1, 1, 1},
    {"zrange", -4, 0, [](Call& call) { range(call, plain, true); }, 1, 1, 1},
    {"zrevrange", -4, 0, [](Call& call) { range(call, reversed, false); }, 1, 1, 1},
    {"zrangebyscore", -4, 0, [](Call& call) { range(call, scored, false); }, 1, 1, 1},
    {"zrevrangebyscore", -4, 0, [](Call& call) { range(call, scored_reversed, false); }, 1, 1, 1},
    {"zremrangebyscore", 4, flag::write, zremrangebyscore, 1, 1, 1},
    {"zremrangebyrank", 4, flag::write, zremrangebyrank, 1, 1, 1},
    {"zpopmin", -2, flag::write, [](Call& call) { zpop(call, false); }, 1, 1, 1},
    {"zpopmax", -2, flag::write, [](Call& call) { zpop(call, true); }, 1, 1, 1},
};

}  // namespace

const std::span<const Command> sorted_set_commands = commands;

}  // namespace redis
