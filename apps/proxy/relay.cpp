// SPDX-License-Identifier: MIT
#include "relay.hpp"

#include <utility>

#include <coloop/copy.hpp>
#include <coloop/task_group.hpp>
#include <coloop/timeout.hpp>

namespace proxy {

namespace {

struct Way {
    coloop::TcpStream& from;
    coloop::TcpStream& to;
    std::uint64_t& count;
    IdleWatch::Watched& watched;
    bool& one_has_ended;           // of the two
    std::uint64_t before = count;  // what was carried already
};

/// True if it has come to a good end.
bool carry(Way& way) {
    coloop::CopyEnd failed = coloop::CopyEnd::neither;
    const auto copied = coloop::copy(way.from, way.to,
                                     {.failed = &failed,
                                      .progress =
                                          [&way](std::uint64_t so_far) {
                                              way.count = way.before + so_far;
                                              way.watched.touch();
                                          }},
                                     std::nothrow);
    if (copied) {
        // Closing, which comes next then, ends both ways.
        return std::exchange(way.one_has_ended, true) ||
               way.to.shutdown_write(std::nothrow).has_value();
    }
    if (failed == coloop::CopyEnd::reader) {
        way.from.reset();
        way.to.reset();
    }
    // One that can't be written to may still have sent something: the other way finds out.
    return false;
}

}  // namespace

void part_from(coloop::TcpStream& client) {
    constexpr std::chrono::seconds patience(2);
    coloop::move_on_after(patience,
                          [&] { static_cast<void>(client.graceful_close(std::nothrow)); });
}

void relay(coloop::TcpStream& client, coloop::TcpStream& server, std::span<const std::byte> early,
           Proxy& proxy, Access& access) {
    bool whole = true;
    IdleWatch::Watched watched(proxy.idle);
    const auto carry_both = [&] {
        if (!early.empty()) {
            server.write(early);
            access.up = early.size();
        }
        bool one_has_ended = false;
        Way up{client, server, access.up, watched, one_has_ended};
        Way down{server, client, access.down, watched, one_has_ended};
        coloop::TaskGroup group;
        group.spawn([&] { whole = carry(up) && whole; }, {.name = "up"});
        const bool down_is_whole = carry(down);
        group.wait();
        whole = whole && down_is_whole;
    };
    try {
        const bool in_time = watched.run(carry_both);
        access.outcome = !in_time ? "idle" : whole ? "done" : "broken";
        whole = whole && in_time;
    } catch (...) {
        client.reset();
        server.reset();
        throw;
    }
    if (!whole) {
        client.reset();
        server.reset();
    }
}

}  // namespace proxy
