// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "../common/log.hpp"

namespace redis {

namespace {

void log_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        common::log("client-lost", {{"error", error.what()}});
    }
}

}  // namespace

Server::Server(Settings settings) : store(settings.store, keys), settings_(std::move(settings)) {
    keys.before_change = [this](std::size_t shard) { store.before_change(shard); };
    keys.after_change = [this](const std::string& key) { note_change(key); };
    keys.on_expired = [this](const std::string& key) { store.add({"DEL", key}); };
}

void Server::run() {
    {
        Session replaying(*this);
        store.load([&](const Words& request) {
            std::string& reply = replaying.reply.text;
            reply.clear();
            if (request.empty()) {
                throw ProtocolError("an empty request");
            }
            execute(replaying, request);
            if (reply.starts_with('-')) {
                throw ProtocolError(reply.substr(1, reply.size() - 3));
            }
            return !replaying.queueing;
        });
    }
    coloop::CancelScope serving;
    serving_ = &serving;
    bool cancelled = false;
    try {
        coloop::TaskGroup background({.shielded = true});
        background.spawn([this] { keys.expire_all(); }, {.name = "expiry"});
        background.spawn([this] { store.look_after(); }, {.name = "store"});
        background.spawn([this] { store.save_when_wanted(); }, {.name = "saver"});
        serving.run([this] { serve(); });
    } catch (const coloop::Cancelled&) {
        cancelled = true;
    }
    coloop::uncancellable([this] { store.finish(); });  // which hears of each sync that failed
    common::log("drained",
                {{"connections", connections_accepted}, {"commands", commands_executed}});
    if (cancelled) {
        throw coloop::Cancelled();
    }
}

void Server::serve() {
    coloop::TcpListener listener(settings_.host, settings_.port);
    settings_.port = listener.local_address().port();
    std::printf("listening on %s\n", listener.local_address().to_string().c_str());
    std::fflush(stdout);
    constexpr std::size_t refused = 32;  // at once; further ones wait for that
    coloop::ServeOptions options;
    options.max_connections = settings_.max_clients + refused;
    options.grace = settings_.grace;
    options.on_error = log_failure;
    coloop::serve(
        std::move(listener), [this](coloop::TcpStream stream) { welcome(std::move(stream)); },
        options);
}

void Server::welcome(coloop::TcpStream stream) {
    ++connections_accepted;
    if (sessions.size() >= settings_.max_clients) {
        stream.write("-ERR max number of clients reached\r\n");
        coloop::move_on_after(std::chrono::seconds(1), [&] { stream.graceful_close(); });
    } else if (!stopping_) {
        Session(*this, std::move(stream)).run();
    }
}

void Server::stop() {
    stopping_ = true;
    for (Session* session : sessions) {
        session->stop();
    }
    if (serving_ != nullptr) {
        serving_->cancel();
    }
}

void Server::require(const Command* command, const Session& session, const Words& words) const {
    if (command == nullptr) {
        std::string text;
        for (std::size_t i = 1; i < words.size() && text.size() < 128; ++i) {
            text += fmt::format("'{}' ", words[i].substr(0, 128 - text.size()));
        }
        throw Refusal(fmt::format("ERR unknown command '{}', with args beginning with: {}",
                                  words[0].substr(0, 128), text));
    }
    const auto size = static_cast<int>(words.size());
    if (command->arity > 0 ? size != command->arity : size < -command->arity) {
        throw Refusal(fmt::format("ERR wrong number of arguments for '{}' command", command->name));
    }
    if (session.queueing && (command->flags & flag::alone) != 0) {
        throw Refusal("ERR Command not allowed inside a transaction");
    }
    if ((command->flags & flag::write) != 0 && store.failure()) {
        throw Refusal(store.complaint());
    }
    if (session.reply.protocol == 2 && session.subscriptions() > 0 &&
        (command->flags & flag::subscriber) == 0) {
        throw Refusal(
            fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE "
                        "/ PING / QUIT / RESET are allowed in this context",
                        command->name));
    }
}

void Server::execute(Session& session, const Words& words) {
    ++commands_executed;
    const Command* command = find_command(words[0]);
    try {
        require(command, session, words);
    } catch (const Refusal& refusal) {
        session.spoiled = session.queueing;
        return session.reply.error(refusal.what());
    }
    if (session.queueing && (command->flags & flag::immediate) == 0) {
        session.queue.push_back(words);
        return session.reply.simple("QUEUED");
    }
    const std::uint64_t logged = store.end();
    Call call{*this, session, keys, words, session.reply};
    invoke(*command, call);
    if (store.end() != logged) {
        session.promise(call.begin);
    }
    serve_waiters();
}

void Server::invoke(const Command& command, Call& call) {
    const std::uint64_t changes = keys.changes();
    try {
        command.run(call);
        if (keys.changes() != changes && !call.logged && (command.flags & flag::write) != 0) {
            store.add(call.words);
        }
    } catch (const Refusal& refusal) {
        call.reply.text.resize(std::min(call.begin, call.reply.text.size()));
        call.reply.error(refusal.what());
    }
    keys.settle();
}

std::uint64_t Server::enter(Session& session) {
    sessions.insert(&session);
    return ++last_id_;
}

void Server::leave(Session& session) {
    for (const std::string& name : session.channels) {
        forget(channels, name, session);
    }
    for (const std::string& name : session.patterns) {
        forget(patterns, name, session);
    }
    end_transaction(*this, session);
    sessions.erase(&session);
}

void Server::forget(Interested& all, const std::string& name, Session& session) {
    const auto found = all.find(name);
    if (found != all.end() && found->second.erase(&session) > 0 && found->second.empty()) {
        all.erase(found);
    }
}

void Server::note_change(const std::string& key) {
    if (!waiting.empty() && waiting.contains(key)) {
        changed_lists_.push_back(key);
    }
    if (const auto found = watchers.find(key); found != watchers.end()) {
        for (Session* session : found->second) {
            session->overtaken = true;
        }
    }
}

}  // namespace redis
