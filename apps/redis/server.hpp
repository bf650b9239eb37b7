// SPDX-License-Identifier: MIT
//
// What all clients share.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include <coloop/coloop.hpp>

#include "blocked.hpp"
#include "command.hpp"
#include "session.hpp"
#include "store.hpp"

namespace redis {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    std::size_t max_clients = coloop::default_connection_limit();
    RequestLimits limits;
    std::size_t output_limit = std::size_t{32} << 20;
    std::chrono::milliseconds grace = std::chrono::seconds(10);
    StoreOptions store;
};

class Server {
public:
    /// Who wants to hear of what.
    using Interested = std::map<std::string, std::set<Session*>>;

    explicit Server(Settings settings);

    /// Serves until stop() or until cancelled; then lets the clients finish, and keeps all.
    void run();

    /// Ends it in good order; may be called again.
    void stop();

    /// Executes a request, or queues it after MULTI.
    void execute(Session& session, const Words& words);

    /// Executes a command, whatever comes of it.
    void invoke(const Command& command, Call& call);

    /// Makes a snapshot. Throws Refusal if it can't.
    void save();
    void save_in_background();

    /// A client comes, and gets a number; it goes.
    std::uint64_t enter(Session& session);
    void leave(Session& session);

    void watch(Session& session, const std::string& key);
    void unwatch(Session& session);

    /// Ends its transaction, and what it watches.
    void discard(Session& session);

    static void forget(Interested& all, const std::string& name, Session& session);

    [[nodiscard]] const Settings& settings() const { return settings_; }

    Keyspace keys;
    Store store;
    Blocked blocked;
    Interested channels;
    Interested patterns;
    std::set<Session*> sessions;
    std::uint64_t commands_executed = 0;
    std::uint64_t connections_accepted = 0;
    const Moment started = wall_time();

private:
    void load();
    void serve();
    void welcome(coloop::TcpStream stream);
    void require(const Command* command, const Session& session, const Words& words) const;
    void note_change(const std::string& key);

    Settings settings_;
    Interested watchers_;
    std::uint64_t last_id_ = 0;
    bool stopping_ = false;
    coloop::CancelScope* serving_ = nullptr;
    coloop::TaskGroup* background_ = nullptr;
};

}  // namespace redis
