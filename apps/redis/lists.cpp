// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>

#include "command.hpp"

namespace redis {

namespace {

void push(Call& call, bool left) {
    List& list = call.make<List>();
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
    List* list = call.edit<List>();
    const std::size_t count = call.count(list == nullptr ? 0 : list->size());
    if (list == nullptr) {
        return call.size() == 3 ? call.reply.null_array() : call.reply.null();
    }
    if (call.size() == 3) {
        call.reply.array(count);
    }
    for (std::size_t i = 0; i < count; ++i) {
        call.reply.bulk(left ? list->front() : list->back());
        left ? list->pop_front() : list->pop_back();
    }
    if (count > 0) {
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
    const auto [first, end] = call.places(call.read<List>().size());
    if (List* list = call.edit<List>()) {
        list->erase(list->begin() + static_cast<std::int64_t>(end), list->end());
        list->erase(list->begin(), list->begin() + static_cast<std::int64_t>(first));
        call.keys.changed(call[1]);
    }
    call.reply.ok();
}

/// The place that argument 2 means; behind the end if there is none.
std::size_t place_of(const Call& call, const List& list) {
    const std::int64_t i = call.integer(2);
    return static_cast<std::size_t>(i < 0 ? i + static_cast<std::int64_t>(list.size()) : i);
}

void lindex(Call& call) {
    const List& list = call.read<List>();
    const std::size_t i = list.empty() ? 0 : place_of(call, list);
    call.reply.bulk(i < list.size() ? &list[i] : nullptr);
}

void lset(Call& call) {
    List* list = call.edit<List>();
    if (list == nullptr) {
        throw Refusal("ERR no such key");
    }
    const std::size_t i = place_of(call, *list);
    if (i >= list->size()) {
        throw Refusal("ERR index out of range");
    }
    (*list)[i] = call[3];
    call.keys.changed(call[1]);
    call.reply.ok();
}

void lrem(Call& call) {
    const std::int64_t count = call.integer(2);
    std::int64_t removed = 0;
    if (List* list = call.edit<List>()) {
        const auto goes = [&](const std::string& element) {
            return element == call[3] && (count == 0 || removed < std::abs(count)) && ++removed > 0;
        };
        if (count < 0) {
            list->erase(list->begin(), std::remove_if(list->rbegin(), list->rend(), goes).base());
        } else {
            list->erase(std::remove_if(list->begin(), list->end(), goes), list->end());
        }
    }
    if (removed > 0) {
        call.keys.changed(call[1]);
    }
    call.reply.integer(removed);
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
};

}  // namespace

const std::span<const Command> list_commands = commands;

}  // namespace redis
