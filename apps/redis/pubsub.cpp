// SPDX-License-Identifier: MIT
#include "pubsub.hpp"

#include "server.hpp"

namespace redis {

namespace {

std::string encoded(int protocol, std::initializer_list<std::string_view> parts) {
    Reply reply;
    reply.protocol = protocol;
    reply.push(parts.size());
    for (const std::string_view part : parts) {
        reply.bulk(part);
    }
    return std::move(reply.text);
}

std::size_t deliver(const std::set<Session*>& sessions,
                    std::initializer_list<std::string_view> parts) {
    std::string texts[2];  // one for each protocol, made when it is needed
    for (Session* session : sessions) {
        std::string& text = texts[session->reply.protocol - 2];
        if (text.empty()) {
            text = encoded(session->reply.protocol, parts);
        }
        session->deliver(text);
    }
    return sessions.size();
}

struct Kind {
    const char* add;
    const char* remove;
    std::set<std::string> Session::*names;
    Subscriptions::Names Subscriptions::*all;
};

constexpr Kind of_channels{"subscribe", "unsubscribe", &Session::channels,
                           &Subscriptions::channels};
constexpr Kind of_patterns{"psubscribe", "punsubscribe", &Session::patterns,
                           &Subscriptions::patterns};

void confirm(Call& call, const char* what, const std::string_view* name) {
    call.reply.push(3);
    call.reply.bulk(what);
    name == nullptr ? call.reply.null() : call.reply.bulk(*name);
    call.reply.integer(static_cast<std::int64_t>(call.session.subscriptions()));
}

void subscribe(Call& call, const Kind& kind) {
    for (const std::string_view name : call.args.subspan(1)) {
        (call.session.*kind.names).emplace(name);
        Subscriptions::add(call.server.subscriptions.*kind.all, name, call.session);
        confirm(call, kind.add, &name);
    }
    call.session.become_subscriber();
}

void unsubscribe(Call& call, const Kind& kind) {
    std::set<std::string>& mine = call.session.*kind.names;
    const std::vector<std::string> everything(mine.begin(), mine.end());
    std::vector<std::string_view> names(call.args.begin() + 1, call.args.end());
    if (names.empty()) {
        names.assign(everything.begin(), everything.end());
    }
    for (const std::string_view name : names) {
        mine.erase(std::string(name));
        Subscriptions::remove(call.server.subscriptions.*kind.all, name, call.session);
        confirm(call, kind.remove, &name);
    }
    if (names.empty()) {
        confirm(call, kind.remove, nullptr);
    }
}

void publish(Call& call) {
    call.reply.integer(
        static_cast<std::int64_t>(call.server.subscriptions.publish(call[1], call[2])));
}

void list_channels(Call& call) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    std::vector<std::string_view> found;
    for (const auto& [name, sessions] : call.server.subscriptions.channels) {
        if (call.size() == 2 || matches(call[2], name)) {
            found.push_back(name);
        }
    }
    call.reply.array(found.size());
    for (const std::string_view name : found) {
        call.reply.bulk(name);
    }
}

void count_subscribers(Call& call) {
    const auto& channels = call.server.subscriptions.channels;
    call.reply.array(2 * (call.size() - 2));
    for (const std::string_view name : call.args.subspan(2)) {
        const auto found = channels.find(name);
        call.reply.bulk(name);
        call.reply.integer(
            found == channels.end() ? 0 : static_cast<std::int64_t>(found->second.size()));
    }
}

void count_patterns(Call& call) {
    call.reply.integer(static_cast<std::int64_t>(call.server.subscriptions.patterns.size()));
}

constexpr unsigned anywhere = flag::subscriber;

constexpr Command commands[] = {
    {"subscribe", -2, anywhere, [](Call& call) { subscribe(call, of_channels); }},
    {"psubscribe", -2, anywhere, [](Call& call) { subscribe(call, of_patterns); }},
    {"unsubscribe", -1, anywhere, [](Call& call) { unsubscribe(call, of_channels); }},
    {"punsubscribe", -1, anywhere, [](Call& call) { unsubscribe(call, of_patterns); }},
    {"publish", 3, 0, publish},
    {"pubsub", -2, flag::container, nullptr},
    {"pubsub|channels", -2, 0, list_channels},
    {"pubsub|numsub", -2, 0, count_subscribers},
    {"pubsub|numpat", 2, 0, count_patterns},
};

}  // namespace

const std::span<const Command> pubsub_commands = commands;

std::size_t Subscriptions::publish(std::string_view channel, std::string_view message) const {
    std::size_t receivers = 0;
    if (const auto found = channels.find(channel); found != channels.end()) {
        receivers += deliver(found->second, {"message", channel, message});
    }
    for (const auto& [pattern, sessions] : patterns) {
        if (matches(pattern, channel)) {
            receivers += deliver(sessions, {"pmessage", pattern, channel, message});
        }
    }
    return receivers;
}

}  // namespace redis
