// SPDX-License-Identifier: MIT
//
// Commands on lists, hashes and sets.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <random>

#include "command.hpp"

namespace redis {

namespace {

void push(Call& call, bool left) {
    List& list = call.edit<List>();
    for (const std::string& element : call.from(2)) {
        left ? list.push_front(element) : list.push_back(element);
    }
    call.keys.changed(call[1]);
    call.reply.integer(list.size());
}

/// LPOP and RPOP, with a count or without.
void pop(Call& call, bool left) {
    if (call.size() > 3) {
        refuse_arity(call);
    }
    List& list = call.edit<List>();
    const std::size_t count = call.count(list.size());
    if (list.empty()) {
        return call.size() == 3 ? call.reply.null_array() : call.reply.null();
    }
    if (call.size() == 3) {
        call.reply.array(count);
    }
    for (std::size_t i = 0; i < count; ++i) {
        call.reply.bulk(left ? list.front() : list.back());
        left ? list.pop_front() : list.pop_back();
        call.keys.changed(call[1]);
    }
}

void lrange(Call& call) {
    const List& list = call.read<List>();
    const auto [first, end] = call.places(list.size());
    call.reply.array(end - first);
    for (std::size_t i = first; i < end; ++i) {
        call.reply.bulk(list[i]);
    }
}

void ltrim(Call& call) {
    List& list = call.edit<List>();
    const auto [first, end] = call.places(list.size());
    list.erase(list.begin() + static_cast<std::int64_t>(end), list.end());
    list.erase(list.begin(), list.begin() + static_cast<std::int64_t>(first));
    call.keys.changed(call[1]);
    call.reply.ok();
}

/// The place that argument 2 means; behind the end if there is none.
std::size_t place_in(const List& list, const Call& call) {
    const std::int64_t i = call.integer(2);
    return static_cast<std::size_t>(i < 0 ? i + static_cast<std::int64_t>(list.size()) : i);
}

void lindex(Call& call) {
    const List& list = call.read<List>();
    const std::size_t i = list.empty() ? 0 : place_in(list, call);
    call.reply.bulk(i < list.size() ? &list[i] : nullptr);
}

void lset(Call& call) {
    List& list = call.edit<List>();
    if (list.empty()) {
        throw Refusal("ERR no such key");
    }
    const std::size_t i = place_in(list, call);
    if (i >= list.size()) {
        throw Refusal("ERR index out of range");
    }
    list[i] = call[3];
    call.keys.changed(call[1]);
    call.reply.ok();
}

void lrem(Call& call) {
    const std::int64_t count = call.integer(2);
    std::int64_t removed = 0;
    List& list = call.edit<List>();
    const auto goes = [&](const std::string& element) {
        return element == call[3] && (count == 0 || removed < std::abs(count)) && ++removed > 0;
    };
    if (count < 0) {
        list.erase(list.begin(), std::remove_if(list.rbegin(), list.rend(), goes).base());
    } else {
        list.erase(std::remove_if(list.begin(), list.end(), goes), list.end());
    }
    call.reply_changes(static_cast<std::size_t>(removed));
}

const std::string* field_of(const Hash& hash, const std::string& field) {
    const auto found = hash.find(field);
    return found == hash.end() ? nullptr : &found->second;
}

void hset(Call& call) {
    if (call.size() % 2 == 1) {
        refuse_arity(call);
    }
    Hash& hash = call.edit<Hash>();
    const std::size_t before = hash.size();
    for (std::size_t i = 2; i < call.size(); i += 2) {
        hash[call[i]] = call[i + 1];
    }
    call.keys.changed(call[1]);
    call.reply.integer(hash.size() - before);
}

void hmget(Call& call) {
    const Hash& hash = call.read<Hash>();
    call.reply.array(call.size() - 2);
    for (const std::string& field : call.from(2)) {
        call.reply.bulk(field_of(hash, field));
    }
}

void reply_all(Call& call, bool fields, bool values) {
    const Hash& hash = call.read<Hash>();
    fields&& values ? call.reply.map(hash.size()) : call.reply.array(hash.size());
    for (const auto& [field, value] : hash) {
        if (fields) {
            call.reply.bulk(field);
        }
        if (values) {
            call.reply.bulk(value);
        }
    }
}

void hincrby(Call& call) {
    const std::int64_t increment = call.integer(3);
    const std::string* old = field_of(call.read<Hash>(), call[2]);
    const std::int64_t sum =
        add(old == nullptr ? 0 : to_integer(*old, "ERR hash value is not an integer"), increment);
    call.edit<Hash>()[call[2]] = std::to_string(sum);
    call.keys.changed(call[1]);
    call.reply.integer(sum);
}

void sadd(Call& call) {
    Set& set = call.edit<Set>();
    const std::size_t before = set.size();
    set.insert(call.from(2).begin(), call.from(2).end());
    call.reply_changes(set.size() - before);
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
        call.keys.changed(call[1]);
    }
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

/// With a count: so many, each perhaps more than once if it is negative.
void srandmember(Call& call) {
    const std::int64_t count = call.size() > 2 ? call.integer(2) : -1;
    if (call.size() > 3 || count < -(1 << 20)) {
        refuse_syntax();
    }
    const Set& set = call.read<Set>();
    Words members;
    if (count > 0) {
        std::sample(set.begin(), set.end(), std::back_inserter(members), count,
                    std::mt19937_64(random_below(std::mt19937_64::max())));
    }
    for (std::int64_t i = count; i < 0 && !set.empty(); ++i) {
        members.push_back(any_of(set));
    }
    if (call.size() > 2) {
        call.reply.bulks(members);
    } else {
        call.reply.bulk(members.empty() ? nullptr : &members[0]);
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
    {"lpush", -3, flag::write, [](Call& call) { push(call, true); }},
    {"rpush", -3, flag::write, [](Call& call) { push(call, false); }},
    {"lpop", -2, flag::write, [](Call& call) { pop(call, true); }},
    {"rpop", -2, flag::write, [](Call& call) { pop(call, false); }},
    {"llen", 2, 0, [](Call& call) { call.reply.integer(call.read<List>().size()); }},
    {"lrange", 4, 0, lrange},
    {"ltrim", 4, flag::write, ltrim},
    {"lindex", 3, 0, lindex},
    {"lset", 4, flag::write, lset},
    {"lrem", 4, flag::write, lrem},

    {"hset", -4, flag::write, hset},
    {"hget", 3, 0, [](Call& call) { call.reply.bulk(field_of(call.read<Hash>(), call[2])); }},
    {"hmget", -3, 0, hmget},
    {"hdel", -3, flag::write, [](Call& call) { call.erase_members<Hash>(); }},
    {"hlen", 2, 0, [](Call& call) { call.reply.integer(call.read<Hash>().size()); }},
    {"hexists", 3, 0, [](Call& call) { call.reply.integer(call.read<Hash>().count(call[2])); }},
    {"hgetall", 2, 0, [](Call& call) { reply_all(call, true, true); }},
    {"hkeys", 2, 0, [](Call& call) { reply_all(call, true, false); }},
    {"hvals", 2, 0, [](Call& call) { reply_all(call, false, true); }},
    {"hincrby", 4, flag::write, hincrby},

    {"sadd", -3, flag::write, sadd},
    {"srem", -3, flag::write, [](Call& call) { call.erase_members<Set>(); }},
    {"smembers", 2, 0, [](Call& call) { reply_members(call, call.read<Set>()); }},
    {"sismember", 3, 0, [](Call& call) { call.reply.integer(call.read<Set>().count(call[2])); }},
    {"scard", 2, 0, [](Call& call) { call.reply.integer(call.read<Set>().size()); }},
    {"spop", -2, flag::write, spop},
    {"srandmember", -2, 0, srandmember},
    {"sunion", -2, 0, [](Call& call) { combine(call, Combine::join); }},
    {"sinter", -2, 0, [](Call& call) { combine(call, Combine::meet); }},
    {"sdiff", -2, 0, [](Call& call) { combine(call, Combine::subtract); }},
};

}  // namespace

const Commands collection_commands = commands;

}  // namespace redis
