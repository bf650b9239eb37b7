// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "command.hpp"

namespace redis {

namespace {

void zadd(Call& call) {
    std::size_t first = 2;  // argument that is a score
    bool if_absent = false;
    bool if_present = false;
    for (; first < call.size() && (call.is(first, "nx") || call.is(first, "xx")); ++first) {
        (call.is(first, "nx") ? if_absent : if_present) = true;
    }
    if (first == call.size() || (call.size() - first) % 2 == 1) {
        refuse_syntax();
    }
    if (if_absent && if_present) {
        throw Refusal("ERR XX and NX options at the same time are not compatible");
    }
    std::vector<double> scores;
    for (std::size_t i = first; i < call.size(); i += 2) {
        scores.push_back(to_real(call[i]));
    }
    SortedSet& set = call.edit<SortedSet>();
    const std::size_t before = set.size();
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const std::string& member = call[first + 2 * i + 1];
        const double* old = set.find(member);
        if (old == nullptr ? !if_present : !if_absent && *old != scores[i]) {
            set.put(member, scores[i]);
            call.changed();
        }
    }
    call.reply.integer(set.size() - before);
}

void zincrby(Call& call) {
    const double increment = to_real(call[2]);
    const double* old = call.read<SortedSet>().find(call[3]);
    const double score = (old == nullptr ? 0 : *old) + increment;
    if (std::isnan(score)) {
        throw Refusal("ERR resulting score is not a number (NaN)");
    }
    call.edit<SortedSet>().put(call[3], score);
    call.changed();
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

/// How many places come before, or if `is_end` end with, what one end of a range of scores lets in:
/// a number, after '(' if it is itself not meant.
std::size_t place_of(const SortedSet& set, const std::string& bound, bool is_end) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const bool excluded = bound.starts_with('(');
    char* end = nullptr;
    const double score = std::strtod(bound.c_str() + (excluded ? 1 : 0), &end);
    if (end != bound.c_str() + bound.size() || std::isnan(score)) {
        throw Refusal("ERR min or max is not a float");
    }
    if (excluded == is_end) {
        return set.order.order_of_key({score, {}});
    }
    return score == infinity ? set.size()
                             : set.order.order_of_key({std::nextafter(score, infinity), {}});
}

/// Places in the order, from `first` up to, not including, `end`.
struct Slice {
    std::size_t first;
    std::size_t end;

    [[nodiscard]] std::size_t size() const { return end - first; }
};

Slice by_score(const Call& call, bool reverse = false) {
    const SortedSet& set = call.read<SortedSet>();
    const std::size_t first = place_of(set, call[reverse ? 3 : 2], false);
    return {first, std::max(first, place_of(set, call[reverse ? 2 : 3], true))};
}

void reply_slice(Call& call, Slice slice, bool reverse, bool with_scores) {
    const SortedSet& set = call.read<SortedSet>();
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

/// ZRANGE, and what there was before it had its options: with them in its name.
void range(Call& call, bool scores, bool reverse) {
    bool with_scores = false;
    for (std::size_t i = 4; i < call.size(); ++i) {
        if (call.is(i, "withscores")) {
            with_scores = true;
        } else if (call.is(i, "rev")) {
            reverse = true;
        } else if (call.is(i, "byscore")) {
            scores = true;
        } else {
            refuse_syntax();
        }
    }
    if (scores) {
        return reply_slice(call, by_score(call, reverse), reverse, with_scores);
    }
    const std::size_t size = call.read<SortedSet>().size();
    const auto [first, end] = call.places(size);
    reply_slice(call, reverse ? Slice{size - end, size - first} : Slice{first, end}, reverse,
                with_scores);
}

std::size_t remove(Call& call, Slice slice) {
    SortedSet& set = call.edit<SortedSet>();
    for (std::size_t i = slice.size(); i > 0; --i) {
        set.erase(std::string(set.order.find_by_order(slice.first)->second));
    }
    call.changed(slice.size());
    return slice.size();
}

void pop(Call& call, bool highest) {
    const SortedSet& set = call.read<SortedSet>();
    const std::size_t count = call.count(set.size());
    const Slice slice = highest ? Slice{set.size() - count, set.size()} : Slice{0, count};
    if (call.reply.protocol > 2 && call.size() == 2 && count == 1) {  // not in an array
        call.reply.array(2);
        call.reply.bulk(set.order.find_by_order(slice.first)->second);
        call.reply.real(set.order.find_by_order(slice.first)->first);
    } else {
        reply_slice(call, slice, highest, true);
    }
    remove(call, slice);
}

constexpr Command commands[] = {
    {"zadd", -4, flag::write, zadd},
    {"zincrby", 4, flag::write, zincrby},
    {"zrem", -3, flag::write, [](Call& call) { call.erase_members<SortedSet>(); }},
    {"zcard", 2, 0, [](Call& call) { call.reply.integer(call.read<SortedSet>().size()); }},
    {"zscore", 3, 0, zscore},
    {"zrank", 3, 0, [](Call& call) { rank(call, false); }},
    {"zrevrank", 3, 0, [](Call& call) { rank(call, true); }},
    {"zcount", 4, 0, [](Call& call) { call.reply.integer(by_score(call).size()); }},
    {"zrange", -4, 0, [](Call& call) { range(call, false, false); }},
    {"zrevrange", -4, 0, [](Call& call) { range(call, false, true); }},
    {"zrangebyscore", -4, 0, [](Call& call) { range(call, true, false); }},
    {"zrevrangebyscore", -4, 0, [](Call& call) { range(call, true, true); }},
    {"zremrangebyscore", 4, flag::write,
     [](Call& call) { call.reply.integer(remove(call, by_score(call))); }},
    {"zpopmin", -2, flag::write, [](Call& call) { pop(call, false); }},
    {"zpopmax", -2, flag::write, [](Call& call) { pop(call, true); }},
};

}  // namespace

const Commands sorted_set_commands = commands;

}  // namespace redis
