// SPDX-License-Identifier: MIT
//
// Commands that say how long a key lives.
#include <limits>

#include "command.hpp"

namespace redis {

namespace {

struct Conditions {
    bool if_none = false;
    bool if_some = false;
    bool if_later = false;
    bool if_earlier = false;
};

Conditions conditions_of(const Call& call) {
    Conditions wanted;
    for (std::size_t i = 3; i < call.size(); ++i) {
        bool* option = call.is(i, "nx")   ? &wanted.if_none
                       : call.is(i, "xx") ? &wanted.if_some
                       : call.is(i, "gt") ? &wanted.if_later
                       : call.is(i, "lt") ? &wanted.if_earlier
                                          : nullptr;
        if (option == nullptr) {
            throw Refusal("ERR Unsupported option " + std::string(call[i]));
        }
        *option = true;
    }
    if (wanted.if_none && (wanted.if_some || wanted.if_later || wanted.if_earlier)) {
        throw Refusal("ERR NX and XX, GT or LT options at the same time are not compatible");
    }
    if (wanted.if_later && wanted.if_earlier) {
        throw Refusal("ERR GT and LT options at the same time are not compatible");
    }
    return wanted;
}

bool allows(const Conditions& wanted, Moment old, Moment when) {
    return !((wanted.if_none && old != never) || (wanted.if_some && old == never) ||
             (wanted.if_later && (old == never || when <= old)) ||
             (wanted.if_earlier && old != never && when >= old));
}

/// EXPIRE and its like: `unit` in milliseconds, from now or from 1970.
void expire(Call& call, std::int64_t unit, bool from_now) {
    const Conditions wanted = conditions_of(call);
    const Moment when = expiry_of(call, 2, unit, from_now ? now() : 0);
    Keyspace::Node* node = call.keys.find(call[1]);
    if (node == nullptr || !allows(wanted, node->value.expires, when)) {
        return call.reply.integer(0);
    }
    if (when <= now() && call.keys.lets_expire()) {
        call.keys.erase(call[1]);
        call.log({"DEL", call[1]});
    } else {
        call.keys.set_expiry(*node, when);
        call.log({"PEXPIREAT", call[1], std::to_string(when)});
    }
    call.reply.integer(1);
}

void persist(Call& call) {
    Keyspace::Node* node = call.keys.find(call[1]);
    const bool mortal = node != nullptr && node->value.expires != never;
    if (mortal) {
        call.keys.set_expiry(*node, never);
    }
    call.reply.integer(mortal ? 1 : 0);
}

/// How long the key lives on, or until when; -1 for ever, -2 if there is none.
void ttl(Call& call, std::int64_t unit, bool from_now) {
    const Keyspace::Node* node = call.keys.find(call[1]);
    if (node == nullptr) {
        return call.reply.integer(-2);
    }
    if (node->value.expires == never) {
        return call.reply.integer(-1);
    }
    const Moment left = node->value.expires - (from_now ? now() : 0);
    call.reply.integer(unit == 1 ? left : (left + 500) / unit);
}

constexpr Command commands[] = {
    {"expire", -3, flag::write, [](Call& call) { expire(call, 1000, true); }, 1, 1, 1},
    {"pexpire", -3, flag::write, [](Call& call) { expire(call, 1, true); }, 1, 1, 1},
    {"expireat", -3, flag::write, [](Call& call) { expire(call, 1000, false); }, 1, 1, 1},
    {"pexpireat", -3, flag::write, [](Call& call) { expire(call, 1, false); }, 1, 1, 1},
    {"persist", 2, flag::write, persist, 1, 1, 1},
    {"ttl", 2, 0, [](Call& call) { ttl(call, 1000, true); }, 1, 1, 1},
    {"pttl", 2, 0, [](Call& call) { ttl(call, 1, true); }, 1, 1, 1},
    {"expiretime", 2, 0, [](Call& call) { ttl(call, 1000, false); }, 1, 1, 1},
    {"pexpiretime", 2, 0, [](Call& call) { ttl(call, 1, false); }, 1, 1, 1},
};

}  // namespace

const std::span<const Command> expiry_commands = commands;

}  // namespace redis
