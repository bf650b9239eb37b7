// SPDX-License-Identifier: MIT
//
// MULTI, EXEC, DISCARD, WATCH: nobody else runs between the commands of an EXEC, because none of
// them waits.
#include <algorithm>
#include <utility>

#include "server.hpp"

namespace redis {

namespace {

void unwatch(Server& server, Session& session) {
    for (const std::string& key : std::exchange(session.watched, {})) {
        Server::forget(server.watchers, key, session);
    }
    session.overtaken = false;
}

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
    end_transaction(call.server, call.session);
    call.reply.ok();
}

void watch(Call& call) {
    if (call.session.queueing) {
        throw Refusal("ERR WATCH inside MULTI is not allowed");
    }
    for (const std::string& key : call.from(1)) {
        static_cast<void>(call.keys.find(key));  // what has expired is not there
        call.session.watched.insert(key);
        call.server.watchers[key].insert(&call.session);
    }
    call.reply.ok();
}

void exec(Call& call) {
    Session& session = call.session;
    Store& store = call.server.store;
    if (!session.queueing) {
        throw Refusal("ERR EXEC without MULTI");
    }
    for (const std::string& key : std::set<std::string>(session.watched)) {
        static_cast<void>(call.keys.find(key));  // it may have expired meanwhile
    }
    const bool overtaken = session.overtaken;
    const bool spoiled = session.spoiled;
    const auto queue = std::exchange(session.queue, {});
    end_transaction(call.server, session);
    if (spoiled) {
        throw Refusal("EXECABORT Transaction discarded because of previous errors.");
    }
    if (overtaken) {
        return call.reply.null_array();
    }
    const bool writes = std::any_of(queue.begin(), queue.end(), [](const Words& words) {
        return (find_command(words[0])->flags & flag::write) != 0;
    });
    if (writes && store.failure()) {
        throw Refusal("EXECABORT Transaction discarded because of: " + store.complaint());
    }
    call.reply.array(queue.size());
    if (writes) {
        store.add({"MULTI"});
    }
    session.in_exec = true;
    for (const Words& words : queue) {
        Call one{call.server, session, call.keys, words, call.reply};
        call.server.invoke(*find_command(words[0]), one);
    }
    session.in_exec = false;
    if (writes) {
        store.add({"EXEC"});
    }
}

constexpr Command commands[] = {
    {"multi", 1, flag::immediate, multi},
    {"exec", 1, flag::immediate, exec},
    {"discard", 1, flag::immediate, discard},
    {"watch", -2, flag::immediate, watch},
    {"unwatch", 1, 0,
     [](Call& call) {
         unwatch(call.server, call.session);
         call.reply.ok();
     }},
};

}  // namespace

const Commands transaction_commands = commands;

void end_transaction(Server& server, Session& session) {
    session.queueing = session.spoiled = false;
    session.queue.clear();
    unwatch(server, session);
}

}  // namespace redis
