// SPDX-License-Identifier: MIT
//
// Publishing and subscribing.
#include <algorithm>
#include <utility>

#include "server.hpp"

namespace redis {

namespace {

std::size_t deliver(const std::set<Session*>& sessions, const Words& parts) {
    Reply texts[2];  // one for each protocol
    for (std::size_t i = 0; i < 2; ++i) {
        texts[i].protocol = static_cast<int>(i) + 2;
        texts[i].push(parts.size());
        texts[i].append_all(parts);
    }
    for (Session* session : sessions) {
        session->deliver(texts[session->reply.protocol - 2].text);
    }
    return sessions.size();
}

void publish(Call& call) {
    std::size_t receivers = 0;
    const auto& channels = call.server.channels;
    if (const auto found = channels.find(call[1]); found != channels.end()) {
        receivers += deliver(found->second, {"message", call[1], call[2]});
    }
    for (const auto& [pattern, sessions] : call.server.patterns) {
        if (matches(pattern, call[1])) {
            receivers += deliver(sessions, {"pmessage", pattern, call[1], call[2]});
        }
    }
    call.reply.integer(receivers);
}

struct Kind {
    const char* add;
    const char* remove;
    std::set<std::string> Session::*names;
    Server::Interested Server::*all;
};

constexpr Kind of_channels{"subscribe", "unsubscribe", &Session::channels, &Server::channels};
constexpr Kind of_patterns{"psubscribe", "punsubscribe", &Session::patterns, &Server::patterns};

void confirm(Call& call, const char* what, const std::string* name) {
    call.reply.push(3);
    call.reply.bulk(std::string_view(what));
    call.reply.bulk(name);
    call.reply.integer(call.session.subscriptions());
}

void subscribe(Call& call, const Kind& kind) {
    for (const std::string& name : call.from(1)) {
        (call.session.*kind.names).insert(name);
        (call.server.*kind.all)[name].insert(&call.session);
        confirm(call, kind.add, &name);
    }
}

void unsubscribe(Call& call, const Kind& kind) {
    std::set<std::string>& mine = call.session.*kind.names;
    const Words names = call.size() > 1 ? Words(call.words.begin() + 1, call.words.end())
                                        : Words(mine.begin(), mine.end());
    for (const std::string& name : names) {
        mine.erase(name);
        Server::forget(call.server.*kind.all, name, call.session);
        confirm(call, kind.remove, &name);
    }
    if (names.empty()) {
        confirm(call, kind.remove, nullptr);
    }
}

constexpr Command commands[] = {
    {"subscribe", -2, flag::subscriber, [](Call& call) { subscribe(call, of_channels); }},
    {"psubscribe", -2, flag::subscriber, [](Call& call) { subscribe(call, of_patterns); }},
    {"unsubscribe", -1, flag::subscriber, [](Call& call) { unsubscribe(call, of_channels); }},
    {"punsubscribe", -1, flag::subscriber, [](Call& call) { unsubscribe(call, of_patterns); }},
    {"publish", 3, 0, publish},
};

}  // namespace

const Commands pubsub_commands = commands;

}  // namespace redis
