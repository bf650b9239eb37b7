// SPDX-License-Identifier: MIT
//
// Who has subscribed to what.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace redis {

class Session;

class Subscriptions {
public:
    using Names = std::map<std::string, std::set<Session*>, std::less<>>;

    static void add(Names& names, std::string_view name, Session& session) {
        names.try_emplace(std::string(name)).first->second.insert(&session);
    }

    static void remove(Names& names, std::string_view name, Session& session) {
        if (const auto found = names.find(name); found != names.end()) {
            found->second.erase(&session);
            if (found->second.empty()) {
                names.erase(found);
            }
        }
    }

    /// Returns how many got the message.
    std::size_t publish(std::string_view channel, std::string_view message) const;

    Names channels;
    Names patterns;
};

}  // namespace redis
