// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "command.hpp"

namespace redis {

namespace {

using String = std::string;

/// When what EX, PX, EXAT or PXAT say, with their number in argument i, is over.
Moment lifetime(const Call& call, std::size_t i, std::string_view unit) {
    if (call.integer(i) <= 0) {
        throw Refusal("ERR invalid expire time in '" + lower(call[0]) + "' command");
    }
    return expiry_of(call, i, unit.starts_with("ex"), !unit.ends_with("at"));
}

void put(Call& call, const String& value, Moment expires) {
    call.keys.put(call[1], value, expires);
    if (expires != never) {
        call.log({"SET", call[1], value, "PXAT", std::to_string(expires)});
    }
}

void set(Call& call) {
    bool if_absent = false;
    bool if_present = false;
    bool keep_expiry = false;
    std::size_t life = 0;  // the argument that is its length
    for (std::size_t i = 3; i < call.size(); ++i) {
        const std::string word = lower(call[i]);
        const bool is_unit = word == "ex" || word == "px" || word == "exat" || word == "pxat";
        if (word == "nx" && !if_present) {
            if_absent = true;
        } else if (word == "xx" && !if_absent) {
            if_present = true;
        } else if (word == "keepttl" && life == 0) {
            keep_expiry = true;
        } else if (is_unit && life == 0 && !keep_expiry && i + 1 < call.size()) {
            life = ++i;
        } else {
            refuse_syntax();
        }
    }
    Moment end = life == 0 ? never : lifetime(call, life, lower(call[life - 1]));
    if (if_absent || if_present || keep_expiry) {
        const Entry* old = call.keys.find(call[1]);
        if (old == nullptr ? if_present : if_absent) {
            return call.reply.null();
        }
        end = old != nullptr && keep_expiry ? old->expires : end;
    }
    put(call, call[2], end);
    call.reply.ok();
}

void mset(Call& call) {
    if (call.size() % 2 == 0) {
        refuse_arity(call);
    }
    for (std::size_t i = 1; i < call.size(); i += 2) {
        call.keys.put(call[i], call[i + 1]);
    }
    call.reply.ok();
}

void mget(Call& call) {
    call.reply.array(call.size() - 1);
    for (const std::string& key : call.from(1)) {
        Entry* entry = call.keys.find(key);
        call.reply.bulk(entry == nullptr ? nullptr : std::get_if<String>(&entry->value));
    }
}

void append(Call& call) {
    if (call.read<String>().size() + call[2].size() > RequestLimits().bulk) {
        throw Refusal("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    }
    const std::size_t size = call.edit<String>().append(call[2]).size();
    call.changed();
    call.reply.integer(size);
}

void getrange(Call& call) {
    const String& value = call.read<String>();
    const auto [first, end] = call.places(value.size());
    const std::int64_t from = call.integer(2);
    const std::int64_t to = call.integer(3);
    // Redis takes what lies before the first byte for it, as end, too.
    const bool is_first = first == 0 && end == 0 && to < 0 && (from >= 0 || from <= to);
    call.reply.bulk(std::string_view(value).substr(first, is_first ? 1 : end - first));
}

void increase(Call& call, std::int64_t increment) {
    const String* old = call.keys.find_as<String>(call[1]);
    const std::int64_t sum = add(old == nullptr ? 0 : to_integer(*old), increment);
    call.edit<String>() = std::to_string(sum);
    call.changed();
    call.reply.integer(sum);
}

void decrby(Call& call) {
    std::int64_t increment = 0;
    if (__builtin_sub_overflow(0, call.integer(2), &increment)) {
        throw Refusal("ERR decrement would overflow");
    }
    increase(call, increment);
}

void incrbyfloat(Call& call) {
    const String* old = call.keys.find_as<String>(call[1]);
    const String number = old == nullptr ? "0" : *old;
    static_cast<void>(to_real(number) + to_real(call[2]));
    const long double sum =
        std::strtold(number.c_str(), nullptr) + std::strtold(call[2].c_str(), nullptr);
    if (!std::isfinite(sum)) {
        throw Refusal("ERR increment would produce NaN or Infinity");
    }
    String text = fmt::format("{:.17f}", sum);
    text.erase(text.find_last_not_of('0') + 1);
    text.erase(text.find_last_not_of('.') + 1);
    call.edit<String>() = text == "-0" ? "0" : text;
    call.changed();
    call.reply.bulk(call.read<String>());
}

void getdel(Call& call) {
    call.reply.bulk(call.keys.find_as<String>(call[1]));
    call.keys.erase(call[1]);
}

constexpr Command commands[] = {
    {"get", 2, 0, [](Call& call) { call.reply.bulk(call.keys.find_as<String>(call[1])); }},
    {"set", -3, flag::write, set},
    {"getdel", 2, flag::write, getdel},
    {"mget", -2, 0, mget},
    {"mset", -3, flag::write, mset},
    {"append", 3, flag::write, append},
    {"strlen", 2, 0, [](Call& call) { call.reply.integer(call.read<String>().size()); }},
    {"getrange", 4, 0, getrange},
    {"incr", 2, flag::write, [](Call& call) { increase(call, 1); }},
    {"decr", 2, flag::write, [](Call& call) { increase(call, -1); }},
    {"incrby", 3, flag::write, [](Call& call) { increase(call, call.integer(2)); }},
    {"decrby", 3, flag::write, decrby},
    {"incrbyfloat", 3, flag::write, incrbyfloat},
};

}  // namespace

const Commands string_commands = commands;

}  // namespace redis
