// SPDX-License-Identifier: MIT
#include "server.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace redis {

namespace {

/// The beginning of what a client sent, for telling it that nobody knows what that is.
std::string quoted(Args args) {
    constexpr std::size_t most = 128;
    std::string text;
    for (const std::string_view argument : args) {
        if (text.size() >= most) {
            break;
        }
        text += fmt::format("'{}' ", argument.substr(0, most - text.size()));
    }
    return text;
}

}  // namespace

Server::Server(Settings settings)
    : store(settings.store),
      keys({.before_change = [this](const Keyspace::Node& node) { store.save_before_change(node); },
            .after_change = [this](std::string_view key) { note_change(key); },
            .on_expired =
                [this](std::string_view key) {
                    const std::string_view request[] = {"DEL", key};
                    store.add(request);
                }}),
      settings_(std::move(settings)) {}

void Server::run() {
    siphash.draw_key();
    load();
    coloop::TaskGroup background({.shielded = true});
    background_ = &background;
    background.spawn([this] { keys.expire_all(); }, {.name = "expiry"});
    if (store.enabled()) {
        background.spawn([this] { store.look_after(keys); }, {.name = "store"});
    }
    coloop::CancelScope serving;
    serving_ = &serving;
    const auto finish = [&] {
        coloop::uncancellable([&] { store.finish(); });
        log_line(fmt::format("event=drained connections={} commands={}", connections_accepted,
                             commands_executed));
    };
    try {
        serving.run([this] { serve(); });
    } catch (const coloop::Cancelled&) {
        finish();
        throw;
    }
    finish();
}

void Server::serve() {
    coloop::TcpListener listener(settings_.host, settings_.port);
    settings_.port = listener.local_address().port();
    std::printf("listening on %s\n", listener.local_address().to_string().c_str());
    std::fflush(stdout);
    coloop::ServeOptions options;
    options.grace = settings_.grace;
    options.on_error = [](const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log_line(fmt::format("event=client-lost error=\"{}\"", error.what()));
        }
    };
    coloop::serve(
        std::move(listener), [this](coloop::TcpStream stream) { welcome(std::move(stream)); },
        options);
}

void Server::welcome(coloop::TcpStream stream) {
    ++connections_accepted;
    if (sessions.size() >= settings_.max_clients) {
        stream.write("-ERR max number of clients reached\r\n");
        coloop::move_on_after(std::chrono::seconds(1), [&] { stream.graceful_close(); });
        return;
    }
    Session session(*this, std::move(stream));
    session.run();
}

void Server::stop() {
    stopping_ = true;
    for (const auto& [id, session] : sessions) {
        session->stop();
    }
    if (serving_ != nullptr) {
        serving_->cancel();
    }
}

void Server::load() {
    keys.let_expire(false);
    {
        Session session(*this, coloop::TcpStream());
        store.load([&](Args request) {
            session.reply.text.clear();
            execute(session, request);
            if (session.reply.text.starts_with('-')) {
                throw ProtocolError(session.reply.text.substr(1, session.reply.text.size() - 3));
            }
            return !session.queueing;
        });
    }
    keys.let_expire(true);
    if (store.enabled()) {
        log_line(
            fmt::format("event=loaded keys={} dir={}", keys.size(), store.options().directory));
    }
}

std::string Server::complaint(const coloop::Error& error) {
    return std::string("MISCONF Errors writing to the AOF file: ") + error.code().message();
}

void Server::require(const Command* command, const Call& call) const {
    if (command == nullptr) {
        throw Refusal(fmt::format("ERR unknown command '{}', with args beginning with: {}",
                                  call[0].substr(0, 128), quoted(call.args.subspan(1))));
    }
    const auto size = static_cast<int>(call.size());
    if (command->arity > 0 ? size != command->arity : size < -command->arity) {
        throw Refusal(fmt::format("ERR wrong number of arguments for '{}' command", command->name));
    }
    if (call.session.queueing && (command->flags & flag::alone) != 0) {
        throw Refusal("ERR Command not allowed inside a transaction");
    }
    if ((command->flags & flag::container) != 0 && size > 1) {
        std::string name(command->name);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return static_cast<char>(std::toupper(c)); });
        throw Refusal(
            fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", call[1].substr(0, 128), name));
    }
    if ((command->flags & flag::write) != 0 && store.failure()) {
        throw Refusal(complaint(*store.failure()));
    }
    if (call.reply.protocol == 2 && call.session.subscriptions() > 0 &&
        (command->flags & flag::subscriber) == 0) {
        throw Refusal(
            fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE "
                        "/ PING / QUIT / RESET are allowed in this context",
                        command->name));
    }
}

void Server::execute(Session& session, Args args) {
    ++commands_executed;
    const Command* command = find_command(args);
    Call call{*this, session, keys, args, session.reply};
    try {
        require(command, call);
    } catch (const Refusal& refusal) {
        if (command != nullptr && command->name == "exec") {
            discard(session);
            const std::string_view why = refusal.what();
            session.reply.error(fmt::format("EXECABORT Transaction discarded because of: {}",
                                            why.substr(why.starts_with("ERR ") ? 4 : 0)));
        } else {
            session.spoiled = session.queueing;
            session.reply.error(refusal.what());
        }
        return;
    }
    if (session.queueing && (command->flags & flag::immediate) == 0) {
        session.queue.emplace_back(args.begin(), args.end());
        session.reply.simple("QUEUED");
        return;
    }
    session.executing = true;
    const std::uint64_t logged = store.end();
    invoke(*command, call);
    if (store.end() != logged) {
        session.note_promise(call.begin);
    }
    session.end_reply();
    blocked.serve(*this);
}

void Server::invoke(const Command& command, Call& call) {
    const std::uint64_t changes = keys.changes();
    try {
        command.run(call);
        if (keys.changes() != changes && !call.logged && (command.flags & flag::write) != 0) {
            store.add(call.args);
        }
    } catch (const Refusal& refusal) {
        call.reply.text.resize(call.begin);
        call.reply.error(refusal.what());
    }
}

void Server::save() {
    if (!store.enabled()) {
        throw Refusal("ERR there is no directory to save to; start the server with --dir");
    }
    if (store.saving()) {
        throw Refusal("ERR Background save already in progress");
    }
    try {
        store.save(keys);
    } catch (const coloop::Error& error) {
        throw Refusal(std::string("ERR ") + error.what());
    }
}

void Server::save_in_background() {
    if (!store.enabled() || store.saving()) {
        save();  // says why not
    }
    background_->spawn(
        [this] {
            try {
                save();
            } catch (const Refusal& refusal) {
                log_line(fmt::format("event=save-failed error=\"{}\"", refusal.what()));
            }
        },
        {.name = "save"});
}

void Server::note_change(std::string_view key) {
    blocked.note_change(key);
    if (!watchers_.empty()) {
        const auto [begin, end] = watchers_.equal_range(std::string(key));
        for (auto i = begin; i != end; ++i) {
            i->second->overtaken = true;
        }
    }
}

void Server::watch(Session& session, std::string_view key) {
    if (session.watched.insert(std::string(key)).second) {
        watchers_.emplace(key, &session);
    }
}

void Server::discard(Session& session) {
    session.queueing = false;
    session.spoiled = false;
    session.queue.clear();
    unwatch(session);
}

void Server::unwatch(Session& session) {
    for (const std::string& key : std::exchange(session.watched, {})) {
        const auto [begin, end] = watchers_.equal_range(key);
        for (auto i = begin; i != end; ++i) {
            if (i->second == &session) {
                watchers_.erase(i);
                break;
            }
        }
    }
    session.overtaken = false;
}

}  // namespace redis
