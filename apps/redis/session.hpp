// SPDX-License-Identifier: MIT
//
// A client. One coroutine executes its requests; another writes the replies of all that came
// together in one go, once what they promise is kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coloop/coloop.hpp>

#include "resp.hpp"

namespace redis {

class Server;
class Waiter;

class Session {
public:
    /// One without a connection only executes what it is told to.
    explicit Session(Server& server, coloop::TcpStream stream = {});
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// Serves the client until it leaves, or has to.
    void run();

    /// Reads nothing more; it ends when what was done is said.
    void stop();

    /// Has a message written between two replies. A client that reads too slowly is dropped.
    void deliver(std::string_view message);

    /// Notes that the reply from `begin` on promises what is logged now, and has it written.
    void promise(std::size_t begin);

    /// Waits until the waiter is served, at most so long, or for ever if zero.
    void wait_for(Waiter& waiter, std::chrono::milliseconds timeout);

    [[nodiscard]] std::size_t subscriptions() const { return channels.size() + patterns.size(); }

    const std::uint64_t id;
    Reply reply;
    std::string name;
    bool closing = false;  // once the replies are written

    // MULTI and WATCH
    bool queueing = false;
    bool in_exec = false;
    bool spoiled = false;    // EXEC will refuse: a command was wrong
    bool overtaken = false;  // EXEC will do nothing: what is watched has changed
    std::vector<Words> queue;
    std::set<std::string> watched;

    std::set<std::string> channels;
    std::set<std::string> patterns;

private:
    using Promises = std::vector<std::pair<std::size_t, std::size_t>>;  // from where to where

    void execute_requests();
    void write_replies();
    void break_promises(const Promises& promises);

    Server& server_;
    coloop::TcpStream stream_;
    RequestReader requests_;
    std::string messages_;  // for after the present reply
    std::string sending_;
    Promises promises_;
    std::uint64_t promised_ = 0;  // up to where the log must be kept
    coloop::CancelScope* reading_ = nullptr;
    coloop::TaskGroup* writer_ = nullptr;
    coloop::CoQueue unsent_{"wait for a reply to write"};
    coloop::CoQueue sent_{"wait for replies to be written"};
    bool ended_ = false;
};

}  // namespace redis
