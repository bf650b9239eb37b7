// SPDX-License-Identifier: MIT
#include "proxy.hpp"

namespace proxy {

Access::~Access() {
    using namespace std::chrono;
    if (settings.access_lines) {
        common::log("access",
                    {{"protocol", protocol},
                     {"client", client.to_string()},
                     {"user", user},
                     {"target", target},
                     {"via", via},
                     {"up", up},
                     {"down", down},
                     {"ms", duration_cast<milliseconds>(steady_clock::now() - since).count()},
                     {"outcome", outcome}});
    }
}

void part_from(coloop::TcpStream& client) {
    constexpr std::chrono::seconds patience(2);
    coloop::move_on_after(patience,
                          [&] { static_cast<void>(client.graceful_close(std::nothrow)); });
}

void relay(coloop::TcpStream& client, coloop::TcpStream& server, std::span<const std::byte> early,
           Access& access) {
    coloop::TimeoutScope idle(coloop::saturated_ns(access.settings.idle_timeout));
    bool whole = true;
    bool one_has_ended = false;  // of the two ways

    const auto carry = [&](auto& from, auto& to, std::uint64_t& count) {
        coloop::CopyEnd failed = coloop::CopyEnd::neither;
        const auto note = [&, before = count, pieces = 0](std::uint64_t so_far) mutable {
            count = before + so_far;
            idle.restart();
            if (++pieces == 2) {  // which may have to wait for the first one's acknowledgement
                static_cast<void>(to.set_no_delay(true, std::nothrow));  // and is sent by this
            }
        };
        if (coloop::copy(from, to, {.failed = &failed, .progress = note}, std::nothrow)) {
            // Closing, which comes next after the second one, ends both ways.
            whole = whole && (std::exchange(one_has_ended, true) ||
                              to.shutdown_write(std::nothrow).has_value());
            return;
        }
        whole = false;
        if (failed == coloop::CopyEnd::reader) {
            from.reset();
            to.reset();
        }  // who can't be written to may still have sent something: the other way finds out
    };

    const auto carry_both = [&] {
        if (!early.empty()) {
            server.write(early);
            access.up = early.size();
        }
        coloop::TaskGroup group;
        group.spawn([&] { carry(client, server, access.up); }, {.name = "up"});
        carry(server, client, access.down);
        group.wait();
    };

    try {
        whole = idle.run(carry_both) && whole;
        access.outcome = idle.expired() ? "idle" : whole ? "done" : "broken";
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
