// SPDX-License-Identifier: MIT
//
// Commands on keys of whatever type: what there is, and how long it lives.
#include <string>
#include <type_traits>
#include <vector>

#include <coloop/text.hpp>

#include "command.hpp"

namespace redis {

namespace {

void del(Call& call) {
    std::int64_t count = 0;
    for (const std::string& key : call.from(1)) {
        count += call.keys.find(key) != nullptr && call.keys.erase(key) ? 1 : 0;
    }
    call.reply.integer(count);
}

void exists(Call& call) {
    std::int64_t count = 0;
    for (const std::string& key : call.from(1)) {
        count += call.keys.find(key) != nullptr ? 1 : 0;
    }
    call.reply.integer(count);
}

const char* type_of(const Entry& entry) { return type_names[entry.value.index()]; }

void type(Call& call) {
    const Entry* entry = call.keys.find(call[1]);
    call.reply.simple(entry == nullptr ? "none" : type_of(*entry));
}

void rename(Call& call) {
    if (call.keys.find(call[1]) == nullptr) {
        throw Refusal("ERR no such key");
    }
    if (call[1] != call[2]) {
        call.keys.rename(call[1], call[2]);
    }
    call.reply.ok();
}

void flush(Call& call) {
    if (call.size() > 2 || (call.size() == 2 && !call.is(1, "sync") && !call.is(1, "async"))) {
        refuse_syntax();
    }
    call.keys.clear();
    call.reply.ok();
}

struct ScanOptions {
    std::uint64_t cursor = 0;
    std::string pattern = "*";
    std::size_t count = 10;
    std::string type;

    ScanOptions(const Call& call, std::size_t first) {
        const auto number = coloop::parse_decimal<std::uint64_t>(call[first]);
        if (!number) {
            throw Refusal("ERR invalid cursor");
        }
        cursor = *number;
        for (std::size_t i = first + 1; i < call.size(); i += 2) {
            if (i + 1 == call.size()) {
                refuse_syntax();
            } else if (call.is(i, "match")) {
                pattern = call[i + 1];
            } else if (call.is(i, "count")) {
                if (call.integer(i + 1) < 1) {
                    refuse_syntax();
                }
                count = static_cast<std::size_t>(call.integer(i + 1));
            } else if (first == 1 && call.is(i, "type")) {
                type = lower(call[i + 1]);
            } else {
                refuse_syntax();
            }
        }
    }
};

void reply_found(Call& call, std::uint64_t cursor, const Words& found) {
    call.reply.array(2);
    call.reply.bulk(std::to_string(cursor));
    call.reply.bulks(found);
}

/// Appends what a shard has that lives and matches.
void collect(const Call& call, std::size_t shard, const std::string& pattern,
             const std::string& type, Words& found) {
    for (const auto& [key, entry] : call.keys.shard(shard)) {
        if (entry.expires > call.keys.now() && (type.empty() || type == type_of(entry)) &&
            matches(pattern, key)) {
            found.push_back(key);
        }
    }
}

void keys(Call& call) {
    Words found;
    for (std::size_t i = 0; i < Keyspace::shard_count; ++i) {
        collect(call, i, call[1], "", found);
    }
    call.reply.bulks(found);
}

/// The cursor is the number of a shard: what is there from the first call to the last is seen once.
void scan(Call& call) {
    const ScanOptions options(call, 1);
    Words found;
    std::size_t seen = 0;
    std::uint64_t i = options.cursor;
    for (; i < Keyspace::shard_count && seen < options.count; ++i) {
        seen += call.keys.shard(i).size();
        collect(call, i, options.pattern, options.type, found);
    }
    reply_found(call, i < Keyspace::shard_count ? i : 0, found);
}

/// HSCAN, SSCAN and ZSCAN: all at once, as Redis has it when there is not much.
template <typename T>
void scan_value(Call& call) {
    const ScanOptions options(call, 2);
    Words found;
    const auto add = [&](const std::string& name, const auto&... value) {
        if (matches(options.pattern, name)) {
            (found.push_back(name), ..., found.push_back(value));
        }
    };
    if constexpr (std::is_same_v<T, SortedSet>) {
        for (const auto& [member, score] : call.read<T>().scores) {
            add(member, text_of(score));
        }
    } else if constexpr (std::is_same_v<T, Hash>) {
        for (const auto& [field, value] : call.read<T>()) {
            add(field, value);
        }
    } else {
        for (const std::string& member : call.read<T>()) {
            add(member);
        }
    }
    reply_found(call, 0, found);
}

/// EXPIRE and its like: `unit` in milliseconds, from now or from 1970.
void expire(Call& call, std::int64_t unit, bool from_now) {
    const Moment when = expiry_of(call, 2, unit, from_now ? call.keys.now() : 0);
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
void ttl(Call& call, std::int64_t unit, bool from_now) {
    const Entry* entry = call.keys.find(call[1]);
    if (entry == nullptr || entry->expires == never) {
        return call.reply.integer(entry == nullptr ? -2 : -1);
    }
    const Moment left = entry->expires - (from_now ? call.keys.now() : 0);
    call.reply.integer(unit == 1 ? left : (left + 500) / unit);
}

constexpr Command commands[] = {
    {"del", -2, flag::write, del},
    {"unlink", -2, flag::write, del},
    {"exists", -2, 0, exists},
    {"type", 2, 0, type},
    {"rename", 3, flag::write, rename},
    {"dbsize", 1, 0, [](Call& call) { call.reply.integer(call.keys.size()); }},
    {"flushall", -1, flag::write, flush},
    {"flushdb", -1, flag::write, flush},
    {"keys", 2, 0, keys},
    {"scan", -2, 0, scan},
    {"hscan", -3, 0, scan_value<Hash>},
    {"sscan", -3, 0, scan_value<Set>},
    {"zscan", -3, 0, scan_value<SortedSet>},
    {"expire", 3, flag::write, [](Call& call) { expire(call, 1000, true); }},
    {"pexpire", 3, flag::write, [](Call& call) { expire(call, 1, true); }},
    {"expireat", 3, flag::write, [](Call& call) { expire(call, 1000, false); }},
    {"pexpireat", 3, flag::write, [](Call& call) { expire(call, 1, false); }},
    {"persist", 2, flag::write, persist},
    {"ttl", 2, 0, [](Call& call) { ttl(call, 1000, true); }},
    {"pttl", 2, 0, [](Call& call) { ttl(call, 1, true); }},
    {"expiretime", 2, 0, [](Call& call) { ttl(call, 1000, false); }},
    {"pexpiretime", 2, 0, [](Call& call) { ttl(call, 1, false); }},
};

}  // namespace

const std::span<const Command> key_commands = commands;

}  // namespace redis
