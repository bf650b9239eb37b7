// SPDX-License-Identifier: MIT
#include <string>

#include "command.hpp"

namespace redis {

namespace {

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
    call.changed();
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
    call.changed();
    call.reply.integer(sum);
}

constexpr Command commands[] = {
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
};

}  // namespace

const Commands hash_commands = commands;

}  // namespace redis
