// SPDX-License-Identifier: MIT
//
// Commands on keys of whatever type: what there is, and how long it lives.
#include <algorithm>

#include <coloop/text.hpp>

#include "command.hpp"

namespace redis {

namespace {

void count_keys(Call& call, bool erase) {
    const auto words = call.from(1);
    call.reply.integer(std::count_if(words.begin(), words.end(), [&](const std::string& key) {
        return call.keys.find(key) != nullptr && (!erase || call.keys.erase(key));
    }));
}

void type(Call& call) {
    constexpr const char* names[] = {"string", "list", "hash", "set", "zset"};
    const Entry* entry = call.keys.find(call[1]);
    call.reply.simple(entry == nullptr ? "none" : names[entry->value.index()]);
}

void flush(Call& call) {
    if (call.size() > 2 || (call.size() == 2 && !call.is(1, "sync") && !call.is(1, "async"))) {
        refuse_syntax();
    }
    call.keys.clear();
    call.reply.ok();
}

/// Appends what a shard has that lives and matches.
void collect(const Call& call, std::size_t shard, const std::string& pattern, Words& found) {
    for (const auto& [key, entry] : call.keys.shard(shard)) {
        if (entry.expires > call.keys.now() && matches(pattern, key)) {
            found.push_back(key);
        }
    }
}

void keys(Call& call) {
    Words found;
    for (std::size_t i = 0; i < Keyspace::shard_count; ++i) {
        collect(call, i, call[1], found);
    }
    call.reply.bulks(found);
}

/// The cursor is the number of a shard: what is there from the first call to the last is seen once.
void scan(Call& call) {
    const auto cursor = coloop::parse_decimal<std::uint64_t>(call[1]);
    if (!cursor) {
        throw Refusal("ERR invalid cursor");
    }
    std::string pattern = "*";
    std::int64_t count = 10;
    for (std::size_t i = 2; i < call.size(); i += 2) {
        if (call.is(i, "match") && i + 1 < call.size()) {
            pattern = call[i + 1];
        } else if (call.is(i, "count") && i + 1 < call.size() && call.integer(i + 1) > 0) {
            count = call.integer(i + 1);
        } else {
            refuse_syntax();
        }
    }
    Words found;
    std::uint64_t shard = *cursor;
    for (; shard < Keyspace::shard_count && count > 0; ++shard) {
        count -= static_cast<std::int64_t>(call.keys.shard(shard).size());
        collect(call, shard, pattern, found);
    }
    call.reply.array(2);
    call.reply.bulk(std::to_string(shard < Keyspace::shard_count ? shard : 0));
    call.reply.bulks(found);
}

void expire(Call& call, bool seconds, bool from_now) {
    const Moment when = expiry_of(call, 2, seconds, from_now);
    if (call.keys.find(call[1]) == nullptr) {
        return call.reply.integer(0);
    }
    if (when <= call.keys.now()) {
        call.keys.erase(call[1]);
        call.log({"DEL", call[1]});
    } else {
        call.keys.set_expiry(call[1], when);
        call.log({"PEXPIREAT", call[1], std::to_string(when)});
    }
    call.reply.integer(1);
}

void persist(Call& call) {
    const Entry* entry = call.keys.find(call[1]);
    const bool mortal = entry != nullptr && entry->expires != never;
    if (mortal) {
        call.keys.set_expiry(call[1], never);
    }
    call.reply.integer(mortal);
}

/// How long the key lives on, or until when; -1 for ever, -2 if there is none.
void ttl(Call& call, bool seconds, bool from_now) {
    const Entry* entry = call.keys.find(call[1]);
    if (entry == nullptr || entry->expires == never) {
        return call.reply.integer(entry == nullptr ? -2 : -1);
    }
    const Moment left = entry->expires - (from_now ? call.keys.now() : 0);
    call.reply.integer(seconds ? (left + 500) / 1000 : left);
}

constexpr Command commands[] = {
    {"del", -2, flag::write, [](Call& call) { count_keys(call, true); }},
    {"unlink", -2, flag::write, [](Call& call) { count_keys(call, true); }},
    {"exists", -2, 0, [](Call& call) { count_keys(call, false); }},
    {"type", 2, 0, type},
    {"dbsize", 1, 0, [](Call& call) { call.reply.integer(call.keys.size()); }},
    {"flushall", -1, flag::write, flush},
    {"flushdb", -1, flag::write, flush},
    {"keys", 2, 0, keys},
    {"scan", -2, 0, scan},
    {"expire", 3, flag::write, [](Call& call) { expire(call, true, true); }},
    {"pexpire", 3, flag::write, [](Call& call) { expire(call, false, true); }},
    {"expireat", 3, flag::write, [](Call& call) { expire(call, true, false); }},
    {"pexpireat", 3, flag::write, [](Call& call) { expire(call, false, false); }},
    {"persist", 2, flag::write, persist},
    {"ttl", 2, 0, [](Call& call) { ttl(call, true, true); }},
    {"pttl", 2, 0, [](Call& call) { ttl(call, false, true); }},
    {"expiretime", 2, 0, [](Call& call) { ttl(call, true, false); }},
    {"pexpiretime", 2, 0, [](Call& call) { ttl(call, false, false); }},
};

}  // namespace

const Commands key_commands = commands;

}  // namespace redis
