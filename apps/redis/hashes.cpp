// SPDX-License-Identifier: MIT
#include <cmath>

#include "members.hpp"

namespace redis {

namespace {

const Hash::Node* field_of(Call& call, std::size_t i) {
    const Hash* hash = call.keys.read<Hash>(call[1]);
    return hash == nullptr ? nullptr : hash->find(call[i]);
}

void reply_field(Call& call, const Hash::Node* field) {
    field == nullptr ? call.reply.null() : call.reply.bulk(field->value);
}

void hset(Call& call, bool ok) {
    if (call.size() % 2 == 1) {
        throw Refusal("ERR wrong number of arguments for '" + lower(call[0]) + "' command");
    }
    Hash& hash = call.keys.make<Hash>(call[1]);
    std::int64_t added = 0;
    for (std::size_t i = 2; i < call.size(); i += 2) {
        const auto [field, is_new] = hash.insert(call[i]);
        field->value = call[i + 1];
        added += is_new ? 1 : 0;
    }
    call.keys.changed(call[1]);
    ok ? call.reply.ok() : call.reply.integer(added);
}

void hsetnx(Call& call) {
    if (field_of(call, 2) != nullptr) {
        return call.reply.integer(0);
    }
    call.keys.make<Hash>(call[1]).insert(call[2]).first->value = call[3];
    call.keys.changed(call[1]);
    call.reply.integer(1);
}

void hmget(Call& call) {
    const Hash* hash = call.keys.read<Hash>(call[1]);
    call.reply.array(call.size() - 2);
    for (const std::string_view field : call.args.subspan(2)) {
        reply_field(call, hash == nullptr ? nullptr : hash->find(field));
    }
}

void reply_all(Call& call, bool fields, bool values) {
    const Hash* hash = call.keys.read<Hash>(call[1]);
    const std::size_t size = hash == nullptr ? 0 : hash->size();
    fields&& values ? call.reply.map(size) : call.reply.array(size);
    if (hash == nullptr) {
        return;
    }
    hash->each([&](const Hash::Node& field) {
        if (fields) {
            call.reply.bulk(field.key);
        }
        if (values) {
            call.reply.bulk(field.value);
        }
    });
}

void hincrby(Call& call) {
    const std::int64_t increment = call.integer(3);
    const Hash::Node* old = field_of(call, 2);
    std::int64_t value =
        old == nullptr ? 0 : to_integer(old->value, "ERR hash value is not an integer");
    if (__builtin_add_overflow(value, increment, &value)) {
        throw Refusal("ERR increment or decrement would overflow");
    }
    call.keys.make<Hash>(call[1]).insert(call[2]).first->value = std::to_string(value);
    call.keys.changed(call[1]);
    call.reply.integer(value);
}

void hincrbyfloat(Call& call) {
    if (std::isinf(call.real(3))) {
        throw Refusal("ERR value is NaN or Infinity");
    }
    const Hash::Node* old = field_of(call, 2);
    const std::string sum =
        add_reals(old == nullptr ? "0" : old->value, call[3], "ERR hash value is not a float");
    call.keys.make<Hash>(call[1]).insert(call[2]).first->value = sum;
    call.keys.changed(call[1]);
    call.log({"HSET", call[1], call[2], sum});
    call.reply.bulk(sum);
}

void hlen(Call& call) {
    const Hash* hash = call.keys.read<Hash>(call[1]);
    call.reply.integer(hash == nullptr ? 0 : static_cast<std::int64_t>(hash->size()));
}

void hstrlen(Call& call) {
    const Hash::Node* field = field_of(call, 2);
    call.reply.integer(field == nullptr ? 0 : static_cast<std::int64_t>(field->value.size()));
}

constexpr Command commands[] = {
    {"hset", -4, flag::write, [](Call& call) { hset(call, false); }, 1, 1, 1},
    {"hmset", -4, flag::write, [](Call& call) { hset(call, true); }, 1, 1, 1},
    {"hsetnx", 4, flag::write, hsetnx, 1, 1, 1},
    {"hget", 3, 0, [](Call& call) { reply_field(call, field_of(call, 2)); }, 1, 1, 1},
    {"hmget", -3, 0, hmget, 1, 1, 1},
    {"hdel", -3, flag::write, erase_members<Hash>, 1, 1, 1},
    {"hlen", 2, 0, hlen, 1, 1, 1},
    {"hstrlen", 3, 0, hstrlen, 1, 1, 1},
    {"hexists", 3, 0, [](Call& call) { call.reply.integer(field_of(call, 2) == nullptr ? 0 : 1); },
     1, 1, 1},
    {"hgetall", 2, 0, [](Call& call) { reply_all(call, true, true); }, 1, 1, 1},
    {"hkeys", 2, 0, [](Call& call) { reply_all(call, true, false); }, 1, 1, 1},
    {"hvals", 2, 0, [](Call& call) { reply_all(call, false, true); }, 1, 1, 1},
    {"hincrby", 4, flag::write, hincrby, 1, 1, 1},
    {"hincrbyfloat", 4, flag::write, hincrbyfloat, 1, 1, 1},
};

}  // namespace

const std::span<const Command> hash_commands = commands;

}  // namespace redis
