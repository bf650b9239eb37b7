// SPDX-License-Identifier: MIT
//
// Commands on keys of whatever type, and going through what is there piece by piece.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <coloop/text.hpp>

#include "command.hpp"

namespace redis {

namespace {

std::string_view type_of(const Keyspace::Node& node) {
    return type_names[node.value.value.index()];
}

void count_keys(Call& call, bool erase) {
    std::int64_t count = 0;
    for (const std::string_view key : call.args.subspan(1)) {
        count += (erase ? call.keys.erase(key) : call.keys.find(key) != nullptr) ? 1 : 0;
    }
    call.reply.integer(count);
}

void type(Call& call) {
    const Keyspace::Node* node = call.keys.find(call[1]);
    call.reply.simple(node == nullptr ? "none" : type_of(*node));
}

void keys(Call& call) {
    const Moment when = now();
    std::vector<std::string_view> found;
    call.keys.table()->each([&](const Keyspace::Node& node) {
        if (node.value.expires > when && matches(call[1], node.key)) {
            found.push_back(node.key);
        }
    });
    call.reply.array(found.size());
    for (const std::string_view key : found) {
        call.reply.bulk(key);
    }
}

void rename(Call& call, bool if_absent) {
    Keyspace::Node* node = call.keys.find(call[1]);
    if (node == nullptr) {
        throw Refusal("ERR no such key");
    }
    const bool refused = if_absent && call.keys.find(call[2]) != nullptr;
    if (!refused && call[1] != call[2]) {
        const Moment expires = node->value.expires;
        Value value = call.keys.take(*node);
        call.keys.put(call[2], std::move(value), expires);
    }
    if_absent ? call.reply.integer(refused ? 0 : 1) : call.reply.ok();
}

void randomkey(Call& call) {
    while (call.keys.size() > 0) {
        const std::string key = call.keys.table()->any(random_number()).key;
        if (call.keys.find(key) != nullptr) {
            return call.reply.bulk(key);
        }
    }
    call.reply.null();
}

void flush(Call& call) {
    if (call.size() > 2 || (call.size() == 2 && !call.is(1, "sync") && !call.is(1, "async"))) {
        refuse_syntax();
    }
    call.keys.clear();
    call.reply.ok();
}

std::uint64_t cursor_of(std::string_view text) {
    const auto cursor = coloop::parse_decimal<std::uint64_t>(text.empty() ? "0" : text);
    if (!cursor) {
        throw Refusal("ERR invalid cursor");
    }
    return *cursor;
}

struct ScanOptions {
    std::string_view pattern = "*";
    std::int64_t count = 10;
    std::optional<std::string> type;
};

ScanOptions scan_options(const Call& call, std::size_t first, bool typed) {
    ScanOptions options;
    for (std::size_t i = first; i < call.size(); i += 2) {
        if (i + 1 < call.size() && call.is(i, "match")) {
            options.pattern = call[i + 1];
        } else if (i + 1 < call.size() && call.is(i, "count")) {
            options.count = call.integer(i + 1);
            if (options.count < 1) {
                refuse_syntax();
            }
        } else if (typed && i + 1 < call.size() && call.is(i, "type")) {
            options.type = lower(call[i + 1]);
        } else {
            refuse_syntax();
        }
    }
    return options;
}

/// Goes through a part of a table and replies with what `collect(node, found)` adds.
template <typename Table, typename Collect>
void reply_scan(Call& call, const Table& table, std::uint64_t cursor, const ScanOptions& options,
                Collect&& collect) {
    std::vector<std::string> found;
    std::int64_t buckets = 10 * std::min(options.count, std::int64_t{1} << 40);  // some are empty
    std::int64_t seen = 0;
    do {
        cursor = table.scan(cursor, [&](const auto& node) {
            ++seen;
            if (matches(options.pattern, node.key)) {
                collect(node, found);
            }
        });
    } while (cursor != 0 && seen < options.count && --buckets > 0);
    call.reply.array(2);
    call.reply.bulk(std::to_string(cursor));
    call.reply.array(found.size());
    for (const std::string& text : found) {
        call.reply.bulk(text);
    }
}

void scan(Call& call) {
    const std::uint64_t cursor = cursor_of(call[1]);
    const ScanOptions options = scan_options(call, 2, true);
    const Moment when = now();
    const auto collect = [&](const Keyspace::Node& node, std::vector<std::string>& found) {
        if (node.value.expires > when && (!options.type || *options.type == type_of(node))) {
            found.push_back(node.key);
        }
    };
    reply_scan(call, *call.keys.table(), cursor, options, collect);
}

const Hash& table_of(const Hash& hash) { return hash; }

const Set& table_of(const Set& set) { return set; }

const Dict<double>& table_of(const SortedSet& set) { return set.scores; }

void collect(const Set::Node& node, std::vector<std::string>& found) { found.push_back(node.key); }

void collect(const Hash::Node& node, std::vector<std::string>& found) {
    found.push_back(node.key);
    found.push_back(node.value);
}

void collect(const Dict<double>::Node& node, std::vector<std::string>& found) {
    found.push_back(node.key);
    found.push_back(text_of(node.value));
}

/// HSCAN, SSCAN and ZSCAN.
template <typename T>
void scan_value(Call& call) {
    const std::uint64_t cursor = cursor_of(call[2]);
    const T* value = call.keys.read<T>(call[1]);
    if (value == nullptr) {
        call.reply.array(2);
        call.reply.bulk("0");
        return call.reply.array(0);
    }
    reply_scan(call, table_of(*value), cursor, scan_options(call, 3, false),
               [](const auto& node, std::vector<std::string>& found) { collect(node, found); });
}

constexpr Command commands[] = {
    {"del", -2, flag::write, [](Call& call) { count_keys(call, true); }, 1, -1, 1},
    {"unlink", -2, flag::write, [](Call& call) { count_keys(call, true); }, 1, -1, 1},
    {"exists", -2, 0, [](Call& call) { count_keys(call, false); }, 1, -1, 1},
    {"touch", -2, 0, [](Call& call) { count_keys(call, false); }, 1, -1, 1},
    {"type", 2, 0, type, 1, 1, 1},
    {"keys", 2, 0, keys},
    {"rename", 3, flag::write, [](Call& call) { rename(call, false); }, 1, 2, 1},
    {"renamenx", 3, flag::write, [](Call& call) { rename(call, true); }, 1, 2, 1},
    {"randomkey", 1, 0, randomkey},
    {"dbsize", 1, 0,
     [](Call& call) { call.reply.integer(static_cast<std::int64_t>(call.keys.size())); }},
    {"flushall", -1, flag::write, flush},
    {"flushdb", -1, flag::write, flush},
    {"scan", -2, 0, scan},
    {"hscan", -3, 0, scan_value<Hash>, 1, 1, 1},
    {"sscan", -3, 0, scan_value<Set>, 1, 1, 1},
    {"zscan", -3, 0, scan_value<SortedSet>, 1, 1, 1},
};

}  // namespace

const std::span<const Command> key_commands = commands;

}  // namespace redis
