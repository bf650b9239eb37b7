// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "command.hpp"

namespace redis {

namespace {

struct AddOptions {
    bool if_absent = false;
    bool if_present = false;
    bool if_greater = false;
    bool if_less = false;
    bool count_changed = false;
    std::size_t first = 2;  // argument that is a score

    explicit AddOptions(const Call& call) {
        for (; first < call.size(); ++first) {
            bool* option = call.is(first, "nx")   ? &if_absent
                           : call.is(first, "xx") ? &if_present
                           : call.is(first, "gt") ? &if_greater
                           : call.is(first, "lt") ? &if_less
                           : call.is(first, "ch") ? &count_changed
                                                  : nullptr;
            if (option == nullptr) {
                break;
            }
            *option = true;
        }
        if (first == call.size() || (call.size() - first) % 2 == 1) {
            refuse_syntax();
        }
        if (if_absent && if_present) {
            throw Refusal("ERR XX and NX options at the same time are not compatible");
        }
        if (if_greater + if_less + if_absent > 1) {
            throw Refusal("ERR GT, LT, and/or NX options at the same time are not compatible");
        }
    }

    [[nodiscard]] bool allow(const double* old, double score) const {
        return old == nullptr
                   ? !if_present
                   : !if_absent && (!if_greater || score > *old) && (!if_less || score < *old);
    }
};

void zadd(Call& call) {
    const AddOptions options(call);
    std::vector<double> scores;
    for (std::size_t i = options.first; i < call.size(); i += 2) {
        scores.push_back(call.real(i));
    }
    SortedSet* set = call.edit<SortedSet>();
    std::size_t added = 0;
    std::size_t updated = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const std::string& member = call[options.first + 2 * i + 1];
        const double* old = set == nullptr ? nullptr : set->find(member);
        if (options.allow(old, scores[i]) && (old == nullptr || *old != scores[i])) {
            ++(old == nullptr ? added : updated);
            set = set == nullptr ? &call.make<SortedSet>() : set;
            set->put(member, scores[i]);
        }
    }
    if (added + updated > 0) {
        call.keys.changed(call[1]);
    }
    call.reply.integer(options.count_changed ? added + updated : added);
}

void zincrby(Call& call) {
    const double increment = call.real(2);
    const double* old = call.read<SortedSet>().find(call[3]);
    const double score = (old == nullptr ? 0 : *old) + increment;
    if (std::isnan(score)) {
        throw Refusal("ERR resulting score is not a number (NaN)");
    }
    call.make<SortedSet>().put(call[3], score);
    call.keys.changed(call[1]);
    call.reply.real(score);
}

void zscore(Call& call) {
    const double* score = call.read<SortedSet>().find(call[2]);
    score == nullptr ? call.reply.null() : call.reply.real(*score);
}

void rank(Call& call, bool reverse) {
    const SortedSet& set = call.read<SortedSet>();
    const double* score = set.find(call[2]);
    if (score == nullptr) {
        return call.reply.null();
    }
    const std::size_t at = set.order.order_of_key({*score, call[2]});
    call.reply.integer(reverse ? set.size() - 1 - at : at);
}

/// Places in the order, from `first` up to, not including, `end`.
struct Slice {
    std::size_t first;
    std::size_t end;

    [[nodiscard]] std::size_t size() const { return end - first; }
};

/// One end of a range of scores, included or not.
struct Bound {
    double score;
    bool excluded;

    explicit Bound(const std::string& text) : excluded(text.starts_with('(')) {
        const char* begin = text.c_str() + (excluded ? 1 : 0);
        char* end = nullptr;
        score = std::strtod(begin, &end);  // Redis takes none at all for 0, too
        if (end != text.c_str() + text.size() || std::isnan(score)) {
            throw Refusal("ERR min or max is not a float");
        }
    }

    /// How many places come before this score, or, if `with_it`, end with it.
    [[nodiscard]] std::size_t place(const SortedSet& set, bool with_it) const {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        return with_it && score == infinity
                   ? set.size()
                   : set.order.order_of_key(
                         {with_it ? std::nextafter(score, infinity) : score, {}});
    }
};

Slice by_score(const Call& call, bool reverse) {
    const Bound low(call[reverse ? 3 : 2]);
    const Bound high(call[reverse ? 2 : 3]);
    const SortedSet& set = call.read<SortedSet>();
    const std::size_t first = low.place(set, low.excluded);
    return {first, std::max(first, high.place(set, !high.excluded))};
}

void reply_slice(Call& call, const SortedSet& set, Slice slice, bool reverse, bool with_scores) {
    const bool pairs = with_scores && call.reply.protocol > 2;
    call.reply.array(slice.size() * (with_scores && !pairs ? 2 : 1));
    for (std::size_t i = 0; i < slice.size(); ++i) {
        const auto place = set.order.find_by_order(reverse ? slice.end - 1 - i : slice.first + i);
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
    std::int64_t skip = 0;
    std::int64_t count = -1;

    /// Those of ZRANGE if there are no `others`, which say what the name of the command says.
    void parse(const Call& call, bool all) {
        for (std::size_t i = 4; i < call.size(); ++i) {
            if (call.is(i, "withscores")) {
                with_scores = true;
            } else if (all && call.is(i, "rev")) {
                reverse = true;
            } else if (all && call.is(i, "byscore")) {
                by_score = true;
            } else if (call.is(i, "limit") && i + 2 < call.size()) {
                skip = call.integer(++i);
                count = call.integer(++i);
            } else {
                refuse_syntax();
            }
        }
        if (!by_score && (skip != 0 || count != -1)) {
            refuse_syntax();
        }
    }

    [[nodiscard]] Slice limited(Slice slice) const {
        const auto size = static_cast<std::int64_t>(slice.size());
        const std::int64_t gone = skip < 0 ? size : std::min(skip, size);
        const std::int64_t left = count < 0 ? size - gone : std::min(count, size - gone);
        const auto first = static_cast<std::size_t>(reverse ? size - gone - left : gone);
        return {slice.first + first, slice.first + first + static_cast<std::size_t>(left)};
    }
};

/// ZRANGE, and what there was before it had its options: with them in its name.
void range(Call& call, RangeOptions options, bool is_new) {
    options.parse(call, is_new);
    const SortedSet* set = nullptr;
    Slice slice{};
    if (options.by_score) {
        slice = options.limited(by_score(call, options.reverse));
        set = &call.read<SortedSet>();
    } else {
        static_cast<void>(call.places(0));
        set = &call.read<SortedSet>();
        const auto [first, end] = call.places(set->size());
        slice = options.reverse ? Slice{set->size() - end, set->size() - first} : Slice{first, end};
    }
    reply_slice(call, *set, slice, options.reverse, options.with_scores);
}

void remove(Call& call, SortedSet& set, Slice slice) {
    for (std::size_t i = slice.size(); i > 0; --i) {
        set.erase(std::string(set.order.find_by_order(slice.first)->second));
    }
    if (slice.size() > 0) {
        call.keys.changed(call[1]);
    }
}

void zremrangebyscore(Call& call) {
    const Slice slice = by_score(call, false);
    if (SortedSet* set = call.edit<SortedSet>()) {
        remove(call, *set, slice);
    }
    call.reply.integer(slice.size());
}

void pop(Call& call, bool highest) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    const std::size_t size = call.read<SortedSet>().size();
    const std::size_t count = call.count(size);
    const Slice slice = highest ? Slice{size - count, size} : Slice{0, count};
    SortedSet* set = call.edit<SortedSet>();
    if (call.reply.protocol > 2 && call.size() == 2 && count == 1) {  // not in an array
        call.reply.array(2);
        call.reply.bulk(set->order.find_by_order(slice.first)->second);
        call.reply.real(set->order.find_by_order(slice.first)->first);
    } else {
        reply_slice(call, call.read<SortedSet>(), slice, highest, true);
    }
    if (set != nullptr) {
        remove(call, *set, slice);
    }
}

constexpr RangeOptions reversed{.reverse = true};
constexpr RangeOptions scored{.by_score = true};
constexpr RangeOptions scored_reversed{.by_score = true, .reverse = true};

constexpr Command commands[] = {
    {"zadd", -4, flag::write, zadd},
    {"zincrby", 4, flag::write, zincrby},
    {"zrem", -3, flag::write, [](Call& call) { call.erase_members<SortedSet>(); }},
    {"zcard", 2, 0, [](Call& call) { call.reply.integer(call.read<SortedSet>().size()); }},
    {"zscore", 3, 0, zscore},
    {"zrank", 3, 0, [](Call& call) { rank(call, false); }},
    {"zrevrank", 3, 0, [](Call& call) { rank(call, true); }},
    {"zcount", 4, 0, [](Call& call) { call.reply.integer(by_score(call, false).size()); }},
    {"zrange", -4, 0, [](Call& call) { range(call, {}, true); }},
    {"zrevrange", -4, 0, [](Call& call) { range(call, reversed, false); }},
    {"zrangebyscore", -4, 0, [](Call& call) { range(call, scored, false); }},
    {"zrevrangebyscore", -4, 0, [](Call& call) { range(call, scored_reversed, false); }},
    {"zremrangebyscore", 4, flag::write, zremrangebyscore},
    {"zpopmin", -2, flag::write, [](Call& call) { pop(call, false); }},
    {"zpopmax", -2, flag::write, [](Call& call) { pop(call, true); }},
};

}  // namespace

const std::span<const Command> sorted_set_commands = commands;

}  // namespace redis
