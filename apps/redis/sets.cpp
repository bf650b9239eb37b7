// SPDX-License-Identifier: MIT
#include <iterator>
#include <random>

#include "command.hpp"

namespace redis {

namespace {

void sadd(Call& call) {
    Set& set = call.edit<Set>();
    const std::size_t before = set.size();
    set.insert(call.from(2).begin(), call.from(2).end());
    call.changed(set.size() - before);
    call.reply.integer(set.size() - before);
}

std::size_t random_below(std::size_t end) {
    static std::mt19937_64 generator(std::random_device{}());
    return generator() % end;
}

/// A member, each about as likely as any other; there must be one.
const std::string& any_of(const Set& set) {
    std::size_t bucket = random_below(set.bucket_count());
    while (set.bucket_size(bucket) == 0) {
        bucket = random_below(set.bucket_count());
    }
    const std::size_t place = random_below(set.bucket_size(bucket));
    return *std::next(set.begin(bucket), static_cast<std::int64_t>(place));
}

void spop(Call& call) {
    Set& set = call.edit<Set>();
    const std::size_t count = call.count(set.size());
    Words request = {"SREM", call[1]};
    for (std::size_t i = 0; i < count; ++i) {
        request.push_back(any_of(set));
        set.erase(request.back());
        if (set.size() < set.bucket_count() / 8) {
            set.rehash(0);  // else members would be hard to find
        }
    }
    call.changed(count);
    if (call.size() == 3) {
        call.reply.set(count);
    } else if (count == 0) {
        call.reply.null();
    }
    call.reply.append_all(std::span(request).subspan(2));
    if (count > 0) {
        call.log(request);
    }
}

void reply_members(Call& call, const Set& set) {
    call.reply.set(set.size());
    call.reply.append_all(set);
}

/// SUNION, and, of the members of the first set, those that all others have, or none.
enum class Combine { join, meet, subtract };

void combine(Call& call, Combine how) {
    Set result = call.read<Set>();
    for (const std::string& key : call.from(2)) {
        const Set& other = call.keys.read<Set>(key);
        if (how == Combine::join) {
            result.insert(other.begin(), other.end());
        } else {
            std::erase_if(result, [&](const std::string& member) {
                return other.contains(member) == (how == Combine::subtract);
            });
        }
    }
    reply_members(call, result);
}

constexpr Command commands[] = {
    {"sadd", -3, flag::write, sadd},
    {"srem", -3, flag::write, [](Call& call) { call.erase_members<Set>(); }},
    {"smembers", 2, 0, [](Call& call) { reply_members(call, call.read<Set>()); }},
    {"sismember", 3, 0, [](Call& call) { call.reply.integer(call.read<Set>().count(call[2])); }},
    {"scard", 2, 0, [](Call& call) { call.reply.integer(call.read<Set>().size()); }},
    {"spop", -2, flag::write, spop},
    {"sunion", -2, 0, [](Call& call) { combine(call, Combine::join); }},
    {"sinter", -2, 0, [](Call& call) { combine(call, Combine::meet); }},
    {"sdiff", -2, 0, [](Call& call) { combine(call, Combine::subtract); }},
};

}  // namespace

const Commands set_commands = commands;

}  // namespace redis
