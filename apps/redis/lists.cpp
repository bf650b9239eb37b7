// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "server.hpp"

namespace redis {

namespace {

std::int64_t length_of(const List* list) {
    return list == nullptr ? 0 : static_cast<std::int64_t>(list->size());
}

void push(Call& call, bool left, bool make) {
    List* list = call.keys.edit<List>(call[1]);
    if (list == nullptr && !make) {
        return call.reply.integer(0);
    }
    list = list == nullptr ? &call.keys.make<List>(call[1]) : list;
    for (const std::string_view element : call.args.subspan(2)) {
        left ? list->emplace_front(element) : list->emplace_back(element);
    }
    call.keys.changed(call[1]);
    call.reply.integer(length_of(list));
}

/// LPOP and RPOP, with a count or without.
void pop_some(Call& call, bool left) {
    if (call.size() > 3) {
        throw Refusal("ERR wrong number of arguments for '" + lower(call[0]) + "' command");
    }
    const bool many = call.size() == 3;
    const std::int64_t count = many ? integer_of(call[2]).value_or(-1) : 1;
    if (count < 0) {
        throw Refusal("ERR value is out of range, must be positive");
    }
    List* list = call.keys.edit<List>(call[1]);
    if (list == nullptr) {
        return many ? call.reply.null_array() : call.reply.null();
    }
    std::int64_t left_over = std::min(count, length_of(list));
    if (many) {
        call.reply.array(static_cast<std::size_t>(left_over));
    }
    const bool changes = left_over > 0;
    for (; left_over > 0; --left_over) {
        call.reply.bulk(left ? list->front() : list->back());
        left ? list->pop_front() : list->pop_back();
    }
    if (changes) {
        call.keys.changed(call[1]);
    }
}

/// Places in a list, counted from its end if negative; empty if first > last.
struct Range {
    std::int64_t first;
    std::int64_t last;
};

Range range_of(const Call& call) { return {call.integer(2), call.integer(3)}; }

/// The same, counted from the beginning of a list of that size.
Range resolved(Range range, std::int64_t size) {
    return {std::max<std::int64_t>(range.first < 0 ? range.first + size : range.first, 0),
            std::min(range.last < 0 ? range.last + size : range.last, size - 1)};
}

void lrange(Call& call) {
    const Range range = range_of(call);
    const List* list = call.keys.read<List>(call[1]);
    const auto [first, last] = resolved(range, length_of(list));
    if (first > last) {
        return call.reply.array(0);
    }
    call.reply.array(static_cast<std::size_t>(last - first + 1));
    for (auto i = list->begin() + first; i != list->begin() + last + 1; ++i) {
        call.reply.bulk(*i);
    }
}

void ltrim(Call& call) {
    const Range range = range_of(call);
    List* list = call.keys.edit<List>(call[1]);
    if (list != nullptr) {
        const auto [first, last] = resolved(range, length_of(list));
        if (first > last) {
            list->clear();
        } else {
            list->erase(list->begin() + last + 1, list->end());
            list->erase(list->begin(), list->begin() + first);
        }
        call.keys.changed(call[1]);
    }
    call.reply.ok();
}

/// The element that argument 2 means; null if there is none.
template <typename AnyList>
auto element_at(const Call& call, AnyList* list) -> decltype(&list->front()) {
    if (list == nullptr) {
        return nullptr;
    }
    const std::int64_t size = length_of(list);
    const std::int64_t i = call.integer(2);
    const std::int64_t at = i < 0 ? i + size : i;
    return at < 0 || at >= size ? nullptr : &(*list)[static_cast<std::size_t>(at)];
}

void lindex(Call& call) {
    const auto* element = element_at(call, call.keys.read<List>(call[1]));
    element == nullptr ? call.reply.null() : call.reply.bulk(*element);
}

void lset(Call& call) {
    List* list = call.keys.edit<List>(call[1]);
    if (list == nullptr) {
        throw Refusal("ERR no such key");
    }
    std::string* element = element_at(call, list);
    if (element == nullptr) {
        throw Refusal("ERR index out of range");
    }
    *element = call[3];
    call.keys.changed(call[1]);
    call.reply.ok();
}

void lrem(Call& call) {
    const std::int64_t count = call.integer(2);
    List* list = call.keys.edit<List>(call[1]);
    std::int64_t removed = 0;
    if (list != nullptr) {
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

void linsert(Call& call) {
    const bool after = call.is(2, "after");
    if (!after && !call.is(2, "before")) {
        refuse_syntax();
    }
    List* list = call.keys.edit<List>(call[1]);
    if (list == nullptr) {
        return call.reply.integer(0);
    }
    const auto pivot = std::find(list->begin(), list->end(), call[3]);
    if (pivot == list->end()) {
        return call.reply.integer(-1);
    }
    list->emplace(pivot + (after ? 1 : 0), call[4]);
    call.keys.changed(call[1]);
    call.reply.integer(length_of(list));
}

bool is_left(const Call& call, std::size_t i) {
    const bool left = call.is(i, "left");
    if (!left && !call.is(i, "right")) {
        refuse_syntax();
    }
    return left;
}

void move(Call& call, bool from_left, bool to_left) {
    if (call.keys.read<List>(call[1]) == nullptr) {
        return call.reply.null();
    }
    call.logged = true;
    call.reply.bulk(move_element(call.server, call[1], call[2], from_left, to_left));
}

std::chrono::nanoseconds timeout_of(const Call& call, std::size_t i) {
    const double seconds = to_real(call[i], "ERR timeout is not a float or out of range");
    if (seconds < 0) {
        throw Refusal("ERR timeout is negative");
    }
    if (seconds > 1e9) {
        throw Refusal("ERR timeout is out of range");
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

/// Waits for an element; false if there was none in time, or if the client may not wait.
bool wait_for(Call& call, Waiter& waiter, std::chrono::nanoseconds timeout) {
    if (call.session.in_exec || !call.session.has_connection()) {
        return false;
    }
    const bool served = call.session.wait_for(waiter, timeout);
    call.begin = call.reply.text.size();  // what there was before is on its way
    if (!waiter.refusal.empty()) {
        throw Refusal(waiter.refusal);
    }
    return served;
}

void reply_pair(Call& call, std::string_view key, std::string_view element) {
    call.reply.array(2);
    call.reply.bulk(key);
    call.reply.bulk(element);
}

void blocking_pop(Call& call, bool left) {
    const auto timeout = timeout_of(call, call.size() - 1);
    const Args keys = call.args.subspan(1, call.size() - 2);
    call.logged = true;  // by those who pop
    for (const std::string_view key : keys) {
        if (call.keys.read<List>(key) != nullptr) {
            return reply_pair(call, key, pop(call.server, key, left));
        }
    }
    Waiter waiter;
    waiter.keys.assign(keys.begin(), keys.end());
    waiter.left = left;
    if (!wait_for(call, waiter, timeout)) {
        return call.reply.null_array();
    }
    reply_pair(call, waiter.key, waiter.element);
}

void blocking_move(Call& call, bool from_left, bool to_left) {
    const auto timeout = timeout_of(call, call.size() - 1);
    call.logged = true;
    if (call.keys.read<List>(call[1]) != nullptr) {
        return move(call, from_left, to_left);
    }
    Waiter waiter;
    waiter.keys.emplace_back(call[1]);
    waiter.left = from_left;
    waiter.target = {std::string(call[2]), to_left};
    if (!wait_for(call, waiter, timeout)) {
        return call.reply.null();
    }
    call.reply.bulk(waiter.element);
}

void lmove(Call& call) {
    const bool from_left = is_left(call, 3);
    move(call, from_left, is_left(call, 4));
}

void blmove(Call& call) {
    const bool from_left = is_left(call, 3);
    blocking_move(call, from_left, is_left(call, 4));
}

constexpr Command commands[] = {
    {"lpush", -3, flag::write, [](Call& call) { push(call, true, true); }, 1, 1, 1},
    {"rpush", -3, flag::write, [](Call& call) { push(call, false, true); }, 1, 1, 1},
    {"lpushx", -3, flag::write, [](Call& call) { push(call, true, false); }, 1, 1, 1},
    {"rpushx", -3, flag::write, [](Call& call) { push(call, false, false); }, 1, 1, 1},
    {"lpop", -2, flag::write, [](Call& call) { pop_some(call, true); }, 1, 1, 1},
    {"rpop", -2, flag::write, [](Call& call) { pop_some(call, false); }, 1, 1, 1},
    {"llen", 2, 0, [](Call& call) { call.reply.integer(length_of(call.keys.read<List>(call[1]))); },
     1, 1, 1},
    {"lrange", 4, 0, lrange, 1, 1, 1},
    {"ltrim", 4, flag::write, ltrim, 1, 1, 1},
    {"lindex", 3, 0, lindex, 1, 1, 1},
    {"lset", 4, flag::write, lset, 1, 1, 1},
    {"lrem", 4, flag::write, lrem, 1, 1, 1},
    {"linsert", 5, flag::write, linsert, 1, 1, 1},
    {"lmove", 5, flag::write, lmove, 1, 2, 1},
    {"rpoplpush", 3, flag::write, [](Call& call) { move(call, false, true); }, 1, 2, 1},
    {"blpop", -3, flag::write, [](Call& call) { blocking_pop(call, true); }, 1, -2, 1},
    {"brpop", -3, flag::write, [](Call& call) { blocking_pop(call, false); }, 1, -2, 1},
    {"blmove", 6, flag::write, blmove, 1, 2, 1},
    {"brpoplpush", 4, flag::write, [](Call& call) { blocking_move(call, false, true); }, 1, 2, 1},
};

}  // namespace

const std::span<const Command> list_commands = commands;

}  // namespace redis
