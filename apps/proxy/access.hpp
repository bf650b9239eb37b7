// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coloop/tcp.hpp>

#include "idle_watch.hpp"
#include "settings.hpp"

namespace proxy {

/// What all conversations share.
struct Proxy {
    explicit Proxy(const Settings& all) : settings(all), idle(all.idle_timeout) {}

    const Settings& settings;
    IdleWatch idle;
    std::size_t served = 0;
};

/// What is known of one conversation; at its end that is a line of the log.
class Access {
public:
    Access(Proxy& proxy, std::string_view protocol, const coloop::TcpStream& client);
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
    ~Access();

    std::string user;
    std::string target;               ///< what was asked for
    std::string via;                  ///< where that turned out to be
    std::uint64_t up = 0;             ///< bytes from the client
    std::uint64_t down = 0;           ///< bytes to the client
    std::string outcome = "stopped";  ///< how it ended

private:
    Proxy& proxy_;
    std::string_view protocol_;
    coloop::Address client_;
    std::int64_t since_;
};

}  // namespace proxy
