// SPDX-License-Identifier: MIT
//
// A client, and the one coroutine that it has. Before that waits for more requests, it sends the
// replies to all that came together, once what they promise is kept.
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

class Session : coloop::Reader {
public:
    /// One without a connection only executes what it is told to.
    explicit Session(Server& server, coloop::TcpStream stream = {});
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() override;

    /// Serves the client until it leaves, or has to.
    void run();

    /// Reads nothing more; it ends when what was done is said.
    void stop();

    /// Has a message sent between two replies. A client that reads too slowly is dropped.
    void deliver(std::string_view message);

    /// Notes that the reply from `begin` on promises what is logged now.
    void promise(std::size_t begin);

    /// Waits until the waiter is served, at most so long, or for ever if zero.
    void wait_for(Waiter& waiter, std::chrono::milliseconds timeout);

    [[nodiscard]] std::size_t subscriptions() const { return channels.size() + patterns.size(); }

    const std::uint64_t id;
    Reply reply;
    std::string name;
    bool closing = false;  // once the replies are sent

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

    coloop::Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    void execute_requests();
    coloop::Result<void> send();
    void break_promises(const Promises& promises);
    void interrupt();

    Server& server_;
    coloop::TcpStream stream_;
    RequestReader requests_;
    std::string messages_;  // for after the present replies
    std::string sending_;
    Promises promises_;
    std::uint64_t promised_ = 0;              // up to where the log must be kept
    coloop::CancelScope* serving_ = nullptr;  // null once it has ended
    coloop::CancelScope* reading_ = nullptr;
    bool blocked_ = false;  // in wait_for()
    bool stopped_ = false;
};

}  // namespace redis
