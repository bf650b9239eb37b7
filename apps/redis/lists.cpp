// SPDX-License-Identifier: MIT
//
// Commands on lists. Those that wait until a list has elements are coroutines that do just that:
// who adds one hands it to the one that has waited longest, so that nobody gets in between.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "server.hpp"

namespace redis {

Waiter::Waiter(Call& call, Words of, std::function<void(const std::string&)> taking)
    : session(call.session), keys(std::move(of)), take(std::move(taking)), server_(call.server) {
    for (const std::string& key : keys) {
        server_.waiting[key].push_back(this);
    }
    ++server_.waiters;
}

Waiter::~Waiter() {
    for (const std::string& key : keys) {
        const auto found = server_.waiting.find(key);
        if (found != server_.waiting.end() && std::erase(found->second, this) > 0 &&
            found->second.empty()) {
            server_.waiting.erase(found);
        }
    }
    --server_.waiters;
}

/// Gives elements of a list that was changed to those who wait for them.
void Server::serve_waiters() {
    while (!changed_lists_.empty()) {
        const std::string key = std::move(changed_lists_.front());
        changed_lists_.pop_front();
        const auto found = waiting.find(key);
        for (std::size_t i = 0; found != waiting.end() && i < found->second.size(); ++i) {
            Waiter& waiter = *found->second[i];
            const Entry* entry = keys.find(key);
            if (entry == nullptr || !std::holds_alternative<List>(entry->value)) {
                break;
            }
            if (waiter.served.is_set()) {
                continue;
            }
            const std::size_t begin = waiter.session.reply.text.size();
            try {
                waiter.take(key);
            } catch (const Refusal& refusal) {
                waiter.session.reply.error(refusal.what());
            }
            keys.settle();
            waiter.session.promise(begin);
            waiter.served.set();
        }
    }
}

namespace {

void push(Call& call, bool left) {
    List& list = call.edit<List>();
    for (const std::string& element : call.from(2)) {
        left ? list.push_front(element) : list.push_back(element);
    }
    call.changed();
    call.reply.integer(list.size());
}

std::string take_end(List& list, bool left) {
    std::string element = std::move(left ? list.front() : list.back());
    left ? list.pop_front() : list.pop_back();
    return element;
}

/// LPOP and RPOP, with a count or without.
void pop(Call& call, bool left) {
    if (call.size() > 3) {
        refuse_arity(call);
    }
    List& list = call.edit<List>();
    const std::size_t count = call.count(list.size());
    if (list.empty()) {
        return call.size() == 3 ? call.reply.null_array() : call.reply.null();
    }
    if (call.size() == 3) {
        call.reply.array(count);
    }
    for (std::size_t i = 0; i < count; ++i) {
        call.reply.bulk(take_end(list, left));
    }
    call.changed(count);
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
    List& list = call.edit<List>();
    const auto [first, end] = call.places(list.size());
    list.erase(list.begin() + static_cast<std::int64_t>(end), list.end());
    list.erase(list.begin(), list.begin() + static_cast<std::int64_t>(first));
    call.changed();
    call.reply.ok();
}

/// The place that argument 2 means; behind the end if there is none.
std::size_t place_in(const List& list, const Call& call) {
    const std::int64_t i = call.integer(2);
    return static_cast<std::size_t>(i < 0 ? i + static_cast<std::int64_t>(list.size()) : i);
}

void lindex(Call& call) {
    const List& list = call.read<List>();
    const std::size_t i = list.empty() ? 0 : place_in(list, call);
    call.reply.bulk(i < list.size() ? &list[i] : nullptr);
}

void lset(Call& call) {
    List& list = call.edit<List>();
    if (list.empty()) {
        throw Refusal("ERR no such key");
    }
    const std::size_t i = place_in(list, call);
    if (i >= list.size()) {
        throw Refusal("ERR index out of range");
    }
    list[i] = call[3];
    call.changed();
    call.reply.ok();
}

void lrem(Call& call) {
    const std::int64_t count = call.integer(2);
    std::int64_t removed = 0;
    List& list = call.edit<List>();
    const auto goes = [&](const std::string& element) {
        return element == call[3] && (count == 0 || removed < std::abs(count)) && ++removed > 0;
    };
    if (count < 0) {
        list.erase(list.begin(), std::remove_if(list.rbegin(), list.rend(), goes).base());
    } else {
        list.erase(std::remove_if(list.begin(), list.end(), goes), list.end());
    }
    call.changed(static_cast<std::size_t>(removed));
    call.reply.integer(removed);
}

/// Has the waiter take from the first of its lists that has elements, now or when somebody adds
/// some. False if there was none in time, or if it can't wait for that.
bool take_or_wait(Call& call, Waiter& waiter) {
    const double seconds = to_real(call.words.back(), "ERR timeout is not a float or out of range");
    if (seconds < 0 || seconds > 1e9) {
        throw Refusal(seconds < 0 ? "ERR timeout is negative" : "ERR timeout is out of range");
    }
    call.logged = true;  // by those who take
    for (const std::string& key : waiter.keys) {
        if (!call.keys.read<List>(key).empty()) {
            waiter.take(key);
            return true;
        }
    }
    if (call.session.in_exec) {
        return false;
    }
    call.session.wait_for(waiter, std::chrono::ceil<std::chrono::milliseconds>(
                                      std::chrono::duration<double>(seconds)));
    call.begin = call.reply.text.size();  // what there was before is on its way
    return waiter.served.is_set();
}

/// For who waits; there must be one.
std::string take_element(Call& call, const std::string& key, bool left) {
    call.keys.changed(key);
    return take_end(call.keys.edit<List>(key), left);
}

void blocking_pop(Call& call, bool left) {
    Waiter waiter(call, {call.words.begin() + 1, call.words.end() - 1}, [&](const auto& key) {
        call.reply.bulks(Words{key, take_element(call, key, left)});
        call.log({left ? "LPOP" : "RPOP", key});
    });
    if (!take_or_wait(call, waiter)) {
        call.reply.null_array();
    }
}

/// Whether argument i is LEFT; it must be that or RIGHT.
bool is_left(const Call& call, std::size_t i) {
    if (!call.is(i, "left") && !call.is(i, "right")) {
        refuse_syntax();
    }
    return call.is(i, "left");
}

/// LMOVE and BLMOVE.
void move(Call& call, bool blocking) {
    const bool from_left = is_left(call, 3);
    const bool to_left = is_left(call, 4);
    Waiter waiter(call, {call[1]}, [&](const std::string& from) {
        static_cast<void>(call.keys.read<List>(call[2]));  // must be one, or nothing
        const std::string element = take_element(call, from, from_left);
        List& target = call.keys.edit<List>(call[2]);
        to_left ? target.push_front(element) : target.push_back(element);
        call.keys.changed(call[2]);
        call.reply.bulk(element);
        call.log({"LMOVE", from, call[2], call[3], call[4]});
    });
    if (blocking ? !take_or_wait(call, waiter) : call.read<List>().empty()) {
        call.reply.null();
    } else if (!blocking) {
        waiter.take(call[1]);
    }
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

    {"blpop", -3, flag::write, [](Call& call) { blocking_pop(call, true); }},
    {"brpop", -3, flag::write, [](Call& call) { blocking_pop(call, false); }},
    {"lmove", 5, flag::write, [](Call& call) { move(call, false); }},
    {"blmove", 6, flag::write, [](Call& call) { move(call, true); }},
};

}  // namespace

const Commands list_commands = commands;

}  // namespace redis
