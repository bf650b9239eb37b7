// SPDX-License-Identifier: MIT
//
// A client: reads its requests, has them executed, and writes the replies of all that came together
// in one go, once what they promise is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <coloop/coloop.hpp>

#include "blocked.hpp"
#include "command.hpp"
#include "resp.hpp"

namespace redis {

class Session {
public:
    /// One without a connection only executes what it is told to.
    Session(Server& server, coloop::TcpStream stream);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// Serves the client until it leaves, or has to.
    void run();

    /// Lets it finish what it does; then it ends.
    void stop();

    /// Writes a message between two replies, soon. A client that reads too slowly is dropped.
    void deliver(std::string_view message);

    /// Notes that the reply from `begin` to the end of what there is promises what is logged now.
    void note_promise(std::size_t begin);

    /// Waits until the waiter is served, at most so long, or for ever if zero. The arguments of the
    /// command are gone afterwards. False if the time was up.
    bool wait_for(Waiter& waiter, std::chrono::nanoseconds timeout);

    /// Starts the coroutine that writes messages.
    void become_subscriber();

    /// Ends all its subscriptions.
    void leave_channels();

    /// A reply is complete: messages may come now.
    void end_reply();

    [[nodiscard]] std::size_t subscriptions() const { return channels.size() + patterns.size(); }

    [[nodiscard]] bool has_connection() const { return has_connection_; }

    [[nodiscard]] std::string describe() const;

    const std::uint64_t id;
    Reply reply;
    std::string name;
    std::string library_name;
    std::string library_version;
    bool closing = false;    // once the replies are written
    bool executing = false;  // a message would come into the middle of a reply

    // MULTI and WATCH
    bool queueing = false;
    bool in_exec = false;
    bool spoiled = false;    // EXEC will refuse: a command was wrong
    bool overtaken = false;  // EXEC will do nothing: what is watched has changed
    std::vector<std::vector<std::string>> queue;
    std::set<std::string> watched;

    std::set<std::string> channels;
    std::set<std::string> patterns;

private:
    struct Promise {
        std::size_t begin;
        std::size_t end;
    };

    void execute_all();
    bool wait_for_more();
    void flush();
    void break_promises(std::string& text, const std::vector<Promise>& promises,
                        const coloop::Error& error) const;
    void send_messages();
    void watch_connection();
    void drop();

    Server& server_;
    coloop::TcpStream stream_;
    bool has_connection_;
    std::string peer_;
    std::optional<coloop::BufReader> input_;
    RequestParser parser_;
    std::string messages_;  // for after the present reply
    std::size_t sending_ = 0;
    std::vector<Promise> promises_;
    std::uint64_t promised_ = 0;  // up to where the log must be kept
    Moment since_ = now();
    bool stopping_;
    coloop::CancelScope* idle_ = nullptr;  // around waiting for the client
    coloop::CancelScope* life_ = nullptr;  // around all it does
    coloop::CoMutex writing_;
    coloop::CoQueue unsent_{"wait for a message to a subscriber"};
    coloop::TaskGroup* messengers_ = nullptr;  // one or none
};

}  // namespace redis
