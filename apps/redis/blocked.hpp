// SPDX-License-Identifier: MIT
//
// BLPOP and its like: coroutines that wait for a list to have elements. Who adds one hands it to
// the one that has waited longest, so that nobody gets in between.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coloop/co_queue.hpp>

namespace redis {

class Server;

/// In the frame of the coroutine that waits.
struct Waiter {
    struct Target {
        std::string key;
        bool left;
    };

    std::vector<std::string> keys;
    bool left = true;              // which end it takes from
    std::optional<Target> target;  // where what it takes goes to
    coloop::CoQueue served{"wait for an element of a list"};

    bool done = false;
    std::string key;  // that had an element
    std::string element;
    std::string refusal;  // instead
};

class Blocked {
public:
    void enlist(Waiter& waiter);
    void leave(Waiter& waiter);

    /// To be told of each key that changes.
    void note_change(std::string_view key) {
        if (!waiting_.empty() && waiting_.contains(std::string(key))) {
            changed_.emplace_back(key);
        }
    }

    /// Serves whom it can after the changes; between two commands.
    void serve(Server& server) {
        while (!changed_.empty()) {
            const std::string key = std::move(changed_.front());
            changed_.pop_front();
            serve(server, key);
        }
    }

    [[nodiscard]] std::size_t size() const { return count_; }

private:
    void serve(Server& server, const std::string& key);

    std::unordered_map<std::string, std::deque<Waiter*>> waiting_;  // by key
    std::deque<std::string> changed_;
    std::size_t count_ = 0;
};

/// Takes the first or last element of a list, which must have one, and writes that to the log.
std::string pop(Server& server, std::string_view key, bool left);

/// The same, and puts it into another list, or the same. Throws Refusal if that is none.
std::string move_element(Server& server, std::string_view from, std::string_view to, bool from_left,
                         bool to_left);

}  // namespace redis
