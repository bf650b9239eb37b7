// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <vector>

#include "members.hpp"

namespace redis {

namespace {

std::int64_t size_of(const Set* set) {
    return set == nullptr ? 0 : static_cast<std::int64_t>(set->size());
}

bool has(const Set* set, std::string_view member) {
    return set != nullptr && set->find(member) != nullptr;
}

void sadd(Call& call) {
    Set& set = call.keys.make<Set>(call[1]);
    std::int64_t added = 0;
    for (const std::string_view member : call.args.subspan(2)) {
        added += set.insert(member).second ? 1 : 0;
    }
    if (added > 0) {
        call.keys.changed(call[1]);
    }
    call.reply.integer(added);
}

void smismember(Call& call) {
    const Set* set = call.keys.read<Set>(call[1]);
    call.reply.array(call.size() - 2);
    for (const std::string_view member : call.args.subspan(2)) {
        call.reply.integer(has(set, member) ? 1 : 0);
    }
}

void smove(Call& call) {
    if (call.keys.find(call[1]) == nullptr) {
        return call.reply.integer(0);
    }
    Set* from = call.keys.edit<Set>(call[1]);
    static_cast<void>(call.keys.read<Set>(call[2]));
    if (!has(from, call[3])) {
        return call.reply.integer(0);
    }
    if (call[1] != call[2]) {
        from->erase(call[3]);
        call.keys.make<Set>(call[2]).insert(call[3]);
        call.keys.changed(call[1]);
        call.keys.changed(call[2]);
    }
    call.reply.integer(1);
}

void spop(Call& call) {
    const bool many = call.size() > 2;
    if (call.size() > 3) {
        refuse_syntax();
    }
    const std::int64_t count = many ? integer_of(call[2]).value_or(-1) : 1;
    if (count < 0) {
        throw Refusal("ERR value is out of range, must be positive");
    }
    Set* set = call.keys.edit<Set>(call[1]);
    if (set == nullptr) {
        return many ? call.reply.set(0) : call.reply.null();
    }
    std::vector<std::string> gone;
    for (std::int64_t i = std::min(count, size_of(set)); i > 0; --i) {
        gone.push_back(set->any(random_number()).key);
        set->erase(gone.back());
    }
    if (many) {
        call.reply.set(gone.size());
    }
    std::vector<std::string_view> request = {"SREM", call[1]};
    for (const std::string& member : gone) {
        call.reply.bulk(member);
        request.push_back(member);
    }
    if (!gone.empty()) {
        call.keys.changed(call[1]);
        call.log(request);
    }
}

void srandmember(Call& call) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    const std::int64_t count = call.size() > 2 ? call.integer(2) : 1;
    if (count < -std::numeric_limits<std::int64_t>::max() / 2) {
        throw Refusal("ERR value is out of range");
    }
    const Set* set = call.keys.read<Set>(call[1]);
    if (set == nullptr) {
        return call.size() > 2 ? call.reply.array(0) : call.reply.null();
    }
    if (call.size() == 2) {
        return call.reply.bulk(set->any(random_number()).key);
    }
    if (count < 0) {
        call.reply.array(static_cast<std::size_t>(-count));
        for (std::int64_t i = 0; i < -count; ++i) {
            call.reply.bulk(set->any(random_number()).key);
        }
        return;
    }
    std::vector<std::string_view> members;
    set->each([&](const Set::Node& node) { members.push_back(node.key); });
    const std::size_t most = std::min(static_cast<std::size_t>(count), members.size());
    call.reply.array(most);
    for (std::size_t i = 0; i < most; ++i) {  // what is drawn goes to the front
        std::swap(members[i], members[i + random_number() % (members.size() - i)]);
        call.reply.bulk(members[i]);
    }
}

enum class Combine { meet, join, subtract };

/// What the sets have in common, have together, or only the first has.
std::vector<std::string> combined(Call& call, Args keys, Combine how) {
    std::vector<const Set*> sets;
    for (const std::string_view key : keys) {
        sets.push_back(call.keys.read<Set>(key));
    }
    Set result;
    for (std::size_t i = 0; i < (how == Combine::join ? sets.size() : 1); ++i) {
        if (sets[i] != nullptr) {
            sets[i]->each([&](const Set::Node& node) {
                const auto has_it = [&](const Set* set) { return has(set, node.key); };
                if (how == Combine::join ||
                    (how == Combine::meet ? std::all_of(sets.begin() + 1, sets.end(), has_it)
                                          : std::none_of(sets.begin() + 1, sets.end(), has_it))) {
                    result.insert(node.key);
                }
            });
        }
    }
    std::vector<std::string> members;
    result.each([&](const Set::Node& node) { members.push_back(node.key); });
    return members;
}

void combine(Call& call, Combine how) {
    const auto members = combined(call, call.args.subspan(1), how);
    call.reply.set(members.size());
    for (const std::string& member : members) {
        call.reply.bulk(member);
    }
}

void combine_and_store(Call& call, Combine how) {
    const auto members = combined(call, call.args.subspan(2), how);
    call.keys.erase(call[1]);
    if (!members.empty()) {
        Set& set = call.keys.make<Set>(call[1]);
        for (const std::string& member : members) {
            set.insert(member);
        }
        call.keys.changed(call[1]);
    }
    call.reply.integer(static_cast<std::int64_t>(members.size()));
}

void sismember(Call& call) {
    call.reply.integer(has(call.keys.read<Set>(call[1]), call[2]) ? 1 : 0);
}

template <Combine How>
void reply_combined(Call& call) {
    combine(call, How);
}

template <Combine How>
void store_combined(Call& call) {
    combine_and_store(call, How);
}

constexpr Command commands[] = {
    {"sadd", -3, flag::write, sadd, 1, 1, 1},
    {"srem", -3, flag::write, erase_members<Set>, 1, 1, 1},
    {"smembers", 2, 0, reply_combined<Combine::join>, 1, 1, 1},
    {"sismember", 3, 0, sismember, 1, 1, 1},
    {"smismember", -3, 0, smismember, 1, 1, 1},
    {"scard", 2, 0, [](Call& call) { call.reply.integer(size_of(call.keys.read<Set>(call[1]))); },
     1, 1, 1},
    {"smove", 4, flag::write, smove, 1, 2, 1},
    {"spop", -2, flag::write, spop, 1, 1, 1},
    {"srandmember", -2, 0, srandmember, 1, 1, 1},
    {"sinter", -2, 0, reply_combined<Combine::meet>, 1, -1, 1},
    {"sunion", -2, 0, reply_combined<Combine::join>, 1, -1, 1},
    {"sdiff", -2, 0, reply_combined<Combine::subtract>, 1, -1, 1},
    {"sinterstore", -3, flag::write, store_combined<Combine::meet>, 1, -1, 1},
    {"sunionstore", -3, flag::write, store_combined<Combine::join>, 1, -1, 1},
    {"sdiffstore", -3, flag::write, store_combined<Combine::subtract>, 1, -1, 1},
};

}  // namespace

const std::span<const Command> set_commands = commands;

}  // namespace redis
