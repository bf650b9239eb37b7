// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <utility>

#include "command.hpp"

namespace redis {

namespace {

constexpr std::size_t longest_string = std::size_t{512} << 20;

void require_length(std::size_t length) {
    if (length > longest_string) {
        throw Refusal("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    }
}

void reply_string(Call& call, const String* value) {
    value == nullptr ? call.reply.null() : call.reply.bulk(*value);
}

Moment expires_of(Call& call, std::string_view key) {
    const Keyspace::Node* node = call.keys.find(key);
    return node == nullptr ? never : node->value.expires;
}

/// When what EX, PX, EXAT or PXAT say, with their number in argument i, is over.
Moment lifetime(const Call& call, std::size_t i, std::string_view unit) {
    if (call.integer(i) <= 0) {
        throw Refusal("ERR invalid expire time in '" + lower(call[0]) + "' command");
    }
    return expiry_of(call, i, unit.starts_with("ex") ? 1000 : 1, unit.ends_with("at") ? 0 : now());
}

/// EX, PX, EXAT or PXAT, and which argument the number is.
struct Lifetime {
    std::string unit;
    std::size_t argument = 0;

    [[nodiscard]] bool given() const { return argument != 0; }

    [[nodiscard]] Moment end(const Call& call) const { return lifetime(call, argument, unit); }
};

/// Takes one at argument i; false if it is something else.
bool take_lifetime(const Call& call, std::size_t& i, Lifetime& life) {
    const std::string word = lower(call[i]);
    if (word != "ex" && word != "px" && word != "exat" && word != "pxat") {
        return false;
    }
    if (i + 1 >= call.size() || life.given()) {
        refuse_syntax();
    }
    life = {word, ++i};
    return true;
}

void put_string(Call& call, std::string_view key, std::string_view value, Moment expires) {
    call.keys.put(key, String(value), expires);
    if (expires == never) {
        call.log({"SET", key, value});
    } else {
        call.log({"SET", key, value, "PXAT", std::to_string(expires)});
    }
}

struct SetOptions {
    bool if_absent = false;
    bool if_present = false;
    bool get = false;
    bool keep = false;
    Lifetime life;
};

SetOptions set_options(const Call& call) {
    SetOptions options;
    for (std::size_t i = 3; i < call.size(); ++i) {
        if (call.is(i, "nx") && !options.if_present) {
            options.if_absent = true;
        } else if (call.is(i, "xx") && !options.if_absent) {
            options.if_present = true;
        } else if (call.is(i, "get")) {
            options.get = true;
        } else if (call.is(i, "keepttl") && !options.life.given()) {
            options.keep = true;
        } else if (options.keep || !take_lifetime(call, i, options.life)) {
            refuse_syntax();
        }
    }
    return options;
}

void set(Call& call) {
    if (call.size() == 3) {
        call.keys.put(call[1], String(call[2]));
        return call.reply.ok();
    }
    const SetOptions options = set_options(call);
    const Moment end = options.life.given() ? options.life.end(call) : never;
    if (options.get) {
        reply_string(call, call.keys.read<String>(call[1]));
    }
    const bool present = call.keys.find(call[1]) != nullptr;
    if (present ? options.if_absent : options.if_present) {
        if (!options.get) {
            call.reply.null();
        }
        return;
    }
    put_string(call, call[1], call[2], options.keep ? expires_of(call, call[1]) : end);
    if (!options.get) {
        call.reply.ok();
    }
}

void set_for(Call& call, std::string_view unit) {
    const Moment expires = lifetime(call, 2, unit);
    put_string(call, call[1], call[3], expires);
    call.reply.ok();
}

void getex(Call& call) {
    Lifetime life;
    bool persist = false;
    for (std::size_t i = 2; i < call.size(); ++i) {
        if (call.is(i, "persist") && !life.given()) {
            persist = true;
        } else if (persist || !take_lifetime(call, i, life)) {
            refuse_syntax();
        }
    }
    const String* value = call.keys.read<String>(call[1]);
    reply_string(call, value);
    const Moment old = expires_of(call, call[1]);
    const Moment end = value == nullptr ? old
                       : persist        ? never
                       : life.given()   ? life.end(call)
                                        : old;
    if (end == old) {
        return;
    }
    call.keys.set_expiry(*call.keys.find(call[1]), end);
    if (end == never) {
        call.log({"PERSIST", call[1]});
    } else {
        call.log({"PEXPIREAT", call[1], std::to_string(end)});
    }
}

void mset(Call& call, bool if_absent) {
    if (call.size() % 2 == 0) {
        throw Refusal("ERR wrong number of arguments for '" + lower(call[0]) + "' command");
    }
    for (std::size_t i = 1; if_absent && i < call.size(); i += 2) {
        if (call.keys.find(call[i]) != nullptr) {
            return call.reply.integer(0);
        }
    }
    for (std::size_t i = 1; i < call.size(); i += 2) {
        call.keys.put(call[i], String(call[i + 1]));
    }
    if_absent ? call.reply.integer(1) : call.reply.ok();
}

void mget(Call& call) {
    call.reply.array(call.size() - 1);
    for (const std::string_view key : call.args.subspan(1)) {
        Keyspace::Node* node = call.keys.find(key);
        reply_string(call, node == nullptr ? nullptr : value_as<String>(node->value.value));
    }
}

void append(Call& call) {
    const String* old = call.keys.read<String>(call[1]);
    require_length((old == nullptr ? 0 : old->size()) + call[2].size());
    String& value = call.keys.make<String>(call[1]);
    value += call[2];
    call.keys.changed(call[1]);
    call.reply.integer(static_cast<std::int64_t>(value.size()));
}

void setrange(Call& call) {
    const std::int64_t offset = call.integer(2);
    if (offset < 0) {
        throw Refusal("ERR offset is out of range");
    }
    const String* old = call.keys.read<String>(call[1]);
    if (call[3].empty()) {
        return call.reply.integer(old == nullptr ? 0 : static_cast<std::int64_t>(old->size()));
    }
    const auto begin = static_cast<std::size_t>(offset);
    if (begin > longest_string) {
        require_length(begin);
    }
    require_length(begin + call[3].size());
    String& value = call.keys.make<String>(call[1]);
    value.resize(std::max(value.size(), begin + call[3].size()));
    value.replace(begin, call[3].size(), call[3]);
    call.keys.changed(call[1]);
    call.reply.integer(static_cast<std::int64_t>(value.size()));
}

void getrange(Call& call) {
    std::int64_t first = call.integer(2);
    std::int64_t last = call.integer(3);
    const String* value = call.keys.read<String>(call[1]);
    const auto size = value == nullptr ? 0 : static_cast<std::int64_t>(value->size());
    if (size == 0 || (first < 0 && last < 0 && first > last)) {
        return call.reply.bulk("");
    }
    first = std::max<std::int64_t>(first < 0 ? first + size : first, 0);
    last = std::min(std::max<std::int64_t>(last < 0 ? last + size : last, 0), size - 1);
    call.reply.bulk(
        first > last ? std::string_view()
                     : std::string_view(*value).substr(static_cast<std::size_t>(first),
                                                       static_cast<std::size_t>(last - first + 1)));
}

void add(Call& call, std::int64_t increment) {
    const String* old = call.keys.read<String>(call[1]);
    std::int64_t value = old == nullptr ? 0 : to_integer(*old);
    if (__builtin_add_overflow(value, increment, &value)) {
        throw Refusal("ERR increment or decrement would overflow");
    }
    call.keys.make<String>(call[1]) = std::to_string(value);
    call.keys.changed(call[1]);
    call.reply.integer(value);
}

void decrby(Call& call) {
    const std::int64_t decrement = call.integer(2);
    if (decrement == std::numeric_limits<std::int64_t>::min()) {
        throw Refusal("ERR decrement would overflow");
    }
    add(call, -decrement);
}

void incrbyfloat(Call& call) {
    const String* old = call.keys.read<String>(call[1]);
    const std::string sum =
        add_reals(old == nullptr ? "0" : *old, call[2], "ERR value is not a valid float");
    call.keys.make<String>(call[1]) = sum;
    call.keys.changed(call[1]);
    call.log({"SET", call[1], sum, "KEEPTTL"});
    call.reply.bulk(sum);
}

void getset(Call& call) {
    reply_string(call, call.keys.read<String>(call[1]));
    call.keys.put(call[1], String(call[2]));
}

void getdel(Call& call) {
    reply_string(call, call.keys.read<String>(call[1]));
    call.keys.erase(call[1]);
}

void setnx(Call& call) {
    const bool absent = call.keys.find(call[1]) == nullptr;
    if (absent) {
        call.keys.put(call[1], String(call[2]));
    }
    call.reply.integer(absent ? 1 : 0);
}

void strlen(Call& call) {
    const String* value = call.keys.read<String>(call[1]);
    call.reply.integer(value == nullptr ? 0 : static_cast<std::int64_t>(value->size()));
}

constexpr Command commands[] = {
    {"get", 2, 0, [](Call& call) { reply_string(call, call.keys.read<String>(call[1])); }, 1, 1, 1},
    {"set", -3, flag::write, set, 1, 1, 1},
    {"setnx", 3, flag::write, setnx, 1, 1, 1},
    {"setex", 4, flag::write, [](Call& call) { set_for(call, "ex"); }, 1, 1, 1},
    {"psetex", 4, flag::write, [](Call& call) { set_for(call, "px"); }, 1, 1, 1},
    {"getset", 3, flag::write, getset, 1, 1, 1},
    {"getdel", 2, flag::write, getdel, 1, 1, 1},
    {"getex", -2, flag::write, getex, 1, 1, 1},
    {"mget", -2, 0, mget, 1, -1, 1},
    {"mset", -3, flag::write, [](Call& call) { mset(call, false); }, 1, -1, 2},
    {"msetnx", -3, flag::write, [](Call& call) { mset(call, true); }, 1, -1, 2},
    {"append", 3, flag::write, append, 1, 1, 1},
    {"strlen", 2, 0, strlen, 1, 1, 1},
    {"getrange", 4, 0, getrange, 1, 1, 1},
    {"substr", 4, 0, getrange, 1, 1, 1},
    {"setrange", 4, flag::write, setrange, 1, 1, 1},
    {"incr", 2, flag::write, [](Call& call) { add(call, 1); }, 1, 1, 1},
    {"decr", 2, flag::write, [](Call& call) { add(call, -1); }, 1, 1, 1},
    {"incrby", 3, flag::write, [](Call& call) { add(call, call.integer(2)); }, 1, 1, 1},
    {"decrby", 3, flag::write, decrby, 1, 1, 1},
    {"incrbyfloat", 3, flag::write, incrbyfloat, 1, 1, 1},
};

}  // namespace

const std::span<const Command> string_commands = commands;

}  // namespace redis
