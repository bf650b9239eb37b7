// SPDX-License-Identifier: MIT
//
// MULTI, EXEC, DISCARD, WATCH: nobody else runs between the commands of an EXEC, because none of
// them waits.
#include <algorithm>
#include <utility>

#include "server.hpp"

namespace redis {

namespace {

void multi(Call& call) {
    if (call.session.queueing) {
        throw Refusal("ERR MULTI calls can not be nested");
    }
    call.session.queueing = true;
    call.reply.ok();
}

void discard(Call& call) {
    if (!call.session.queueing) {
        throw Refusal("ERR DISCARD without MULTI");
    }
    call.server.discard(call.session);
    call.reply.ok();
}

void watch(Call& call) {
    if (call.session.queueing) {
        throw Refusal("ERR WATCH inside MULTI is not allowed");
    }
    for (const std::string_view key : call.args.subspan(1)) {
        static_cast<void>(call.keys.find(key));  // what has expired is not there
        call.server.watch(call.session, key);
    }
    call.reply.ok();
}

void run_all(Call& call, const std::vector<std::vector<std::string>>& queue) {
    call.reply.array(queue.size());
    call.session.in_exec = true;
    call.server.store.begin_transaction();
    for (const std::vector<std::string>& words : queue) {
        const std::vector<std::string_view> args(words.begin(), words.end());
        Call one{call.server, call.session, call.keys, args, call.reply};
        call.server.invoke(*find_command(args), one);
    }
    call.server.store.end_transaction();
    call.session.in_exec = false;
}

void exec(Call& call) {
    Session& session = call.session;
    if (!session.queueing) {
        throw Refusal("ERR EXEC without MULTI");
    }
    const auto writes = [](const std::vector<std::string>& words) {
        const std::vector<std::string_view> args(words.begin(), words.end());
        return (find_command(args)->flags & flag::write) != 0;
    };
    for (const std::string& key : std::set<std::string>(session.watched)) {
        static_cast<void>(call.keys.find(key));  // it may have expired meanwhile
    }
    const bool overtaken = session.overtaken;
    const bool spoiled = session.spoiled;
    const auto queue = std::exchange(session.queue, {});
    call.server.discard(session);
    if (spoiled) {
        throw Refusal("EXECABORT Transaction discarded because of previous errors.");
    }
    if (overtaken) {
        return call.reply.null_array();
    }
    if (call.server.store.failure() && std::any_of(queue.begin(), queue.end(), writes)) {
        throw Refusal("EXECABORT Transaction discarded because of: " +
                      Server::complaint(*call.server.store.failure()));
    }
    run_all(call, queue);
}

void unwatch(Call& call) {
    call.server.unwatch(call.session);
    call.reply.ok();
}

constexpr Command commands[] = {
    {"multi", 1, flag::immediate, multi},
    {"exec", 1, flag::immediate, exec},
    {"discard", 1, flag::immediate, discard},
    {"watch", -2, flag::immediate, watch, 1, -1, 1},
    {"unwatch", 1, 0, unwatch},
};

}  // namespace

const std::span<const Command> transaction_commands = commands;

}  // namespace redis
