// SPDX-License-Identifier: MIT
#include "blocked.hpp"

#include <algorithm>
#include <utility>

#include "server.hpp"

namespace redis {

void Blocked::enlist(Waiter& waiter) {
    for (const std::string& key : waiter.keys) {
        waiting_[key].push_back(&waiter);
    }
    ++count_;
}

void Blocked::leave(Waiter& waiter) {
    for (const std::string& key : waiter.keys) {
        const auto found = waiting_.find(key);
        if (found != waiting_.end() && std::erase(found->second, &waiter) > 0 &&
            found->second.empty()) {
            waiting_.erase(found);
        }
    }
    --count_;
}

void Blocked::serve(Server& server, const std::string& key) {
    for (;;) {
        const auto found = waiting_.find(key);
        Keyspace::Node* node = server.keys.find(key);
        if (found == waiting_.end() || node == nullptr ||
            value_as<List>(node->value.value) == nullptr) {
            return;
        }
        Waiter& waiter = *found->second.front();
        try {
            waiter.element = waiter.target ? move_element(server, key, waiter.target->key,
                                                          waiter.left, waiter.target->left)
                                           : pop(server, key, waiter.left);
        } catch (const Refusal& refusal) {
            waiter.refusal = refusal.what();
        }
        waiter.key = key;
        waiter.done = true;
        leave(waiter);
        waiter.served.wake_one();
    }
}

std::string pop(Server& server, std::string_view key, bool left) {
    List& list = *server.keys.edit<List>(key);
    std::string element = std::move(left ? list.front() : list.back());
    left ? list.pop_front() : list.pop_back();
    server.keys.changed(key);
    const std::string_view request[] = {left ? "LPOP" : "RPOP", key};
    server.store.add(request);
    return element;
}

std::string move_element(Server& server, std::string_view from, std::string_view to, bool from_left,
                         bool to_left) {
    static_cast<void>(server.keys.read<List>(to));
    List& source = *server.keys.edit<List>(from);
    std::string element = std::move(from_left ? source.front() : source.back());
    from_left ? source.pop_front() : source.pop_back();
    List& target = server.keys.make<List>(to);
    to_left ? target.push_front(element) : target.push_back(element);
    server.keys.changed(from);
    if (from != to) {
        server.keys.changed(to);
    }
    const std::string_view request[] = {"LMOVE", from, to, from_left ? "LEFT" : "RIGHT",
                                        to_left ? "LEFT" : "RIGHT"};
    server.store.add(request);
    return element;
}

}  // namespace redis
