// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>
#include <limits>
#include <random>
#include <vector>

#include "command.hpp"

namespace redis {

namespace {

/// A member, each about as likely as any other; there must be one.
const std::string& any_of(const Set& set) {
    std::size_t bucket = random_number() % set.bucket_count();
    while (set.bucket_size(bucket) == 0) {
        bucket = random_number() % set.bucket_count();
    }
    const auto size = static_cast<std::int64_t>(set.bucket_size(bucket));
    return *std::next(set.begin(bucket), static_cast<std::int64_t>(random_number() >> 1U) % size);
}

void sadd(Call& call) {
    Set& set = call.make<Set>();
    const std::size_t before = set.size();
    set.insert(call.from(2).begin(), call.from(2).end());
    if (set.size() > before) {
        call.keys.changed(call[1]);
    }
    call.reply.integer(set.size() - before);
}

void spop(Call& call) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    Set* set = call.edit<Set>();
    const std::size_t count = call.count(set == nullptr ? 0 : set->size());
    Words request = {"SREM", call[1]};
    for (std::size_t i = 0; i < count; ++i) {
        request.push_back(any_of(*set));
        set->erase(request.back());
        if (set->size() < set->bucket_count() / 8) {
            set->rehash(0);  // else members would be hard to find
        }
    }
    if (call.size() == 3) {
        call.reply.set(count);
    } else if (set == nullptr) {
        call.reply.null();
    }
    call.reply.append_all(std::span(request).subspan(2));
    if (count > 0) {
        call.keys.changed(call[1]);
        call.log(request);
    }
}

/// With a count: so many different ones; if negative, as many as it says, perhaps the same again.
void srandmember(Call& call) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    const std::int64_t count = call.size() > 2 ? call.integer(2) : 1;
    if (count < -std::numeric_limits<std::int64_t>::max() / 2) {
        throw Refusal("ERR value is out of range");
    }
    const Set& set = call.read<Set>();
    if (set.empty() || call.size() == 2) {
        return call.size() > 2 ? call.reply.array(0)
                               : call.reply.bulk(set.empty() ? nullptr : &any_of(set));
    }
    if (count < 0) {
        call.reply.array(static_cast<std::size_t>(-count));
        for (std::int64_t i = 0; i > count; --i) {
            call.reply.bulk(any_of(set));
        }
        return;
    }
    Words members;
    std::sample(set.begin(), set.end(), std::back_inserter(members), count,
                std::mt19937_64(random_number()));
    call.reply.bulks(members);
}

std::vector<const Set*> sets_of(Call& call) {
    std::vector<const Set*> sets;
    for (const std::string& key : call.from(1)) {
        sets.push_back(&call.keys.read<Set>(key));
    }
    return sets;
}

void reply_members(Call& call, const Set& set) {
    call.reply.set(set.size());
    call.reply.append_all(set);
}

void sunion(Call& call) {
    Set all;
    for (const Set* set : sets_of(call)) {
        all.insert(set->begin(), set->end());
    }
    reply_members(call, all);
}

/// SINTER and SDIFF: those members of the first set that all others have, or none.
void filter(Call& call, bool in_all) {
    const auto sets = sets_of(call);
    Set left;
    for (const std::string& member : *sets[0]) {
        const auto has_it = [&](const Set* set) { return set->contains(member); };
        if (in_all ? std::all_of(sets.begin() + 1, sets.end(), has_it)
                   : std::none_of(sets.begin() + 1, sets.end(), has_it)) {
            left.insert(member);
        }
    }
    reply_members(call, left);
}

constexpr Command commands[] = {
    {"sadd", -3, flag::write, sadd},
    {"srem", -3, flag::write, [](Call& call) { call.erase_members<Set>(); }},
    {"smembers", 2, 0, [](Call& call) { reply_members(call, call.read<Set>()); }},
    {"sismember", 3, 0, [](Call& call) { call.reply.integer(call.read<Set>().count(call[2])); }},
    {"scard", 2, 0, [](Call& call) { call.reply.integer(call.read<Set>().size()); }},
    {"spop", -2, flag::write, spop},
    {"srandmember", -2, 0, srandmember},
    {"sunion", -2, 0, sunion},
    {"sinter", -2, 0, [](Call& call) { filter(call, true); }},
    {"sdiff", -2, 0, [](Call& call) { filter(call, false); }},
};

}  // namespace

const std::span<const Command> set_commands = commands;

}  // namespace redis
