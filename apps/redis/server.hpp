// SPDX-License-Identifier: MIT
//
// What all clients share.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include <coloop/coloop.hpp>

#include "blocked.hpp"
#include "command.hpp"
#include "keyspace.hpp"
#include "pubsub.hpp"
#include "session.hpp"
#include "store.hpp"

namespace redis {

struct Settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    std::size_t max_clients = 10'000;
    std::size_t longest_bulk = std::size_t{512} << 20;
    std::size_t query_limit = std::size_t{1} << 30;
    std::size_t output_limit = std::size_t{32} << 20;
    std::chrono::milliseconds grace = std::chrono::seconds(10);
    StoreOptions store;
};

class Server {
public:
    explicit Server(Settings settings);

    /// Serves until stop() or until cancelled; then lets the clients finish, and keeps all.
    void run();

    /// Ends it in good order; may be called again.
    void stop();

    /// Executes a request, or queues it after MULTI.
    void execute(Session& session, Args args);

    /// Executes a command, whatever comes of it.
    void invoke(const Command& command, Call& call);

    /// Makes a snapshot, in a coroutine of its own. Throws Refusal if it can't.
    void save_in_background();
    void save();

    void watch(Session& session, std::string_view key);
    void unwatch(Session& session);

    /// Ends its transaction, and what it watches.
    void discard(Session& session);

    [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }

    [[nodiscard]] bool stopping() const { return stopping_; }

    [[nodiscard]] const Settings& settings() const { return settings_; }

    /// What is said when changes can't be kept.
    [[nodiscard]] static std::string complaint(const coloop::Error& error);

    Store store;
    Blocked blocked;
    Keyspace keys;
    Subscriptions subscriptions;
    std::map<std::uint64_t, Session*> sessions;
    std::uint64_t commands_executed = 0;
    std::uint64_t connections_accepted = 0;
    Moment started = now();

private:
    void load();
    void serve();
    void welcome(coloop::TcpStream stream);
    void require(const Command* command, const Call& call) const;
    void note_change(std::string_view key);

    Settings settings_;
    std::unordered_multimap<std::string, Session*> watchers_;
    std::uint64_t last_id_ = 0;
    bool stopping_ = false;
    coloop::CancelScope* serving_ = nullptr;
    coloop::TaskGroup* background_ = nullptr;
};

}  // namespace redis
