// SPDX-License-Identifier: MIT
#include "blocked.hpp"

#include <chrono>
#include <cmath>
#include <utility>

#include "server.hpp"

namespace redis {

Blocked::Enlisted::Enlisted(Blocked& blocked, Waiter& waiter) : blocked_(blocked), waiter_(waiter) {
    for (const std::string& key : waiter.keys) {
        blocked.waiting_[key].push_back(&waiter);
    }
    ++blocked.count_;
}

Blocked::Enlisted::~Enlisted() {
    if (!waiter_.served.is_set()) {
        blocked_.leave(waiter_);
    }
}

void Blocked::leave(Waiter& waiter) {
    for (const std::string& key : waiter.keys) {
        const auto found = waiting_.find(key);
        if (found != waiting_.end() && std::erase(found->second, &waiter) > 0 &&
            found->second.empty()) {
            waiting_.erase(found);
        }
    }
    --count_;
}

void Blocked::serve(Server& server) {
    while (!changed_.empty()) {
        const std::string& key = changed_.front();
        const auto found = waiting_.find(key);
        const Entry* entry = server.keys.find(key);
        if (found == waiting_.end() || entry == nullptr ||
            !std::holds_alternative<List>(entry->value)) {
            changed_.pop_front();
            continue;
        }
        Waiter& waiter = *found->second.front();
        Reply& reply = waiter.session.reply;
        const std::size_t begin = reply.text.size();
        try {
            waiter.take(key);
        } catch (const Refusal& refusal) {
            reply.error(refusal.what());
        }
        waiter.session.promise(begin);
        leave(waiter);
        waiter.served.set();
    }
}

namespace {

/// Has `take` called with the first key of a list that has elements, now or when somebody adds
/// some. False if there was none in time, or if it can't wait for that.
bool take_or_wait(Call& call, Waiter& waiter) {
    const double seconds = to_real(call.words.back(), "ERR timeout is not a float or out of range");
    if (seconds < 0) {
        throw Refusal("ERR timeout is negative");
    }
    if (seconds > 1e9) {
        throw Refusal("ERR timeout is out of range");
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

std::string take_element(Call& call, const std::string& key, bool left) {
    List& list = *call.keys.edit<List>(key);
    std::string element = std::move(left ? list.front() : list.back());
    left ? list.pop_front() : list.pop_back();
    call.keys.changed(key);
    return element;
}

void blocking_pop(Call& call, bool left) {
    const auto take = [&](const std::string& key) {
        call.reply.bulks(Words{key, take_element(call, key, left)});
        call.log({left ? "LPOP" : "RPOP", key});
    };
    Waiter waiter{call.session, Words(call.words.begin() + 1, call.words.end() - 1), take, {}};
    if (!take_or_wait(call, waiter)) {
        call.reply.null_array();
    }
}

/// Argument i, which must be LEFT or RIGHT.
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
    const auto take = [&](const std::string& from) {
        static_cast<void>(call.keys.read<List>(call[2]));
        const std::string element = take_element(call, from, from_left);
        List& target = call.keys.make<List>(call[2]);
        to_left ? target.push_front(element) : target.push_back(element);
        call.keys.changed(call[2]);
        call.reply.bulk(element);
        call.log({"LMOVE", from, call[2], call[3], call[4]});
    };
    Waiter waiter{call.session, {call[1]}, take, {}};
    if (blocking ? !take_or_wait(call, waiter) : call.read<List>().empty()) {
        call.reply.null();
    } else if (!blocking) {
        take(call[1]);
    }
}

constexpr Command commands[] = {
    {"blpop", -3, flag::write, [](Call& call) { blocking_pop(call, true); }},
    {"brpop", -3, flag::write, [](Call& call) { blocking_pop(call, false); }},
    {"lmove", 5, flag::write, [](Call& call) { move(call, false); }},
    {"blmove", 6, flag::write, [](Call& call) { move(call, true); }},
};

}  // namespace

const std::span<const Command> blocking_commands = commands;

}  // namespace redis
