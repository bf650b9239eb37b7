// SPDX-License-Identifier: MIT
//
// BLPOP and its like: coroutines that wait for a list to have elements. Who adds one hands it to
// the one that has waited longest, so that nobody gets in between.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include <coloop/event.hpp>

#include "resp.hpp"

namespace redis {

class Server;
class Session;

/// In the frame of the coroutine that waits.
struct Waiter {
    Session& session;
    Words keys;
    std::function<void(const std::string& key)> take;  // an element, which there is; and reply
    coloop::Event served;
};

class Blocked {
public:
    /// Lets a waiter be served while this lives.
    class Enlisted {
    public:
        Enlisted(Blocked& blocked, Waiter& waiter);
        Enlisted(const Enlisted&) = delete;
        Enlisted& operator=(const Enlisted&) = delete;
        ~Enlisted();

    private:
        Blocked& blocked_;
        Waiter& waiter_;
    };

    /// To be told of each key that changes.
    void note_change(const std::string& key) {
        if (!waiting_.empty() && waiting_.contains(key)) {
            changed_.push_back(key);
        }
    }

    /// Serves whom it can after the changes; between two commands.
    void serve(Server& server);

    [[nodiscard]] std::size_t size() const { return count_; }

private:
    void leave(Waiter& waiter);

    std::unordered_map<std::string, std::deque<Waiter*>> waiting_;  // by key
    std::deque<std::string> changed_;
    std::size_t count_ = 0;
};

}  // namespace redis
