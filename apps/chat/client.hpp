// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"
#include "hall.hpp"
#include "telnet.hpp"
#include "text.hpp"

struct ClientOptions {
    std::size_t line_limit = 1024;      ///< bytes
    std::size_t outbox = 256;           ///< lines that may wait for a client
    std::chrono::milliseconds idle{0};  ///< without a line, then it has to go; 0: never
};

/// One connection: a coroutine that reads, and one that writes what the hall puts into the outbox.
class Client {
public:
    Client(Hall& hall, coloop::TcpStream stream, const ClientOptions& options)
        : hall_(hall), options_(options), stream_(std::move(stream)), guest_(options.outbox) {
        stream_.set_no_delay(true);
        stream_.set_send_buffer(std::size_t{64} << 10);  // bounds what the system keeps, too
        hall_.enter(guest_);
        common::log("enter", {{"name", guest_.name}, {"clients", hall_.size()}});
    }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    ~Client() {
        hall_.leave(guest_);
        common::log(
            "leave",
            {{"name", guest_.name}, {"reason", guest_.why_left}, {"clients", hall_.size()}});
    }

    /// Lets the client take part until the connection is over.
    void run() {
        const bool all_is_said = guest_.connection.run([&] {
            coloop::TaskGroup reading;
            reading.spawn([&] { read_all(); }, {.name = "reader of a client"});
            write_all();
        });
        if (all_is_said) {
            coloop::move_on_after(patience,
                                  [&] { static_cast<void>(stream_.graceful_close(std::nothrow)); });
        } else {
            stream_.reset();  // unless a write was cut off, which has closed it
        }
    }

private:
    static constexpr auto patience = std::chrono::seconds(2);  // with a client that is to go

    /// Writes what is in the outbox, until it is closed.
    void write_all() {
        constexpr std::size_t batch = std::size_t{16} << 10;  // bytes that are enough for one write
        while (std::optional<Line> line = guest_.outbox.receive()) {
            std::string text;
            for (; line; line = text.size() < batch ? guest_.outbox.try_receive() : std::nullopt) {
                text += **line;
            }
            stream_.write(text);
            written_.wake_all();
        }
    }

    /// Reads until the client goes or has to; then lets it have what is in its outbox, if it takes
    /// it.
    void read_all() {
        try {
            guest_.why_left = obey_lines();
        } catch (const coloop::Error& error) {
            guest_.why_left = error.code().message();
        }
        hall_.leave(guest_);
        guest_.outbox.close();
        coloop::co_sleep(patience);
        guest_.connection.cancel();
    }

    /// Does what the client says until it leaves; returns why it does.
    std::string obey_lines() {
        const auto idle =
            options_.idle.count() > 0 ? options_.idle : std::chrono::milliseconds::max();
        while (true) {
            const auto line = coloop::move_on_after(idle, [&] {
                wait_until_heard();
                return input_.read_line(options_.line_limit);
            });
            if (!line) {
                guest_.hear(notice("nothing came from you for {} s; good-bye",
                                   std::chrono::duration<double>(idle).count()));
                return "idle";
            }
            if (!*line) {
                return "disconnected";
            }
            if ((*line)->size() > options_.line_limit) {
                guest_.hear(
                    notice("that line had more than {} bytes, nobody saw it", options_.line_limit));
            } else if (!hall_.obey(guest_, harmless(**line))) {
                return "quit";
            }
        }
    }

    /// Whoever does not read what was said is not listened to either, so nobody can fill the memory
    /// with answers to questions.
    void wait_until_heard() {
        while (guest_.outbox.size() > options_.outbox / 4 && !guest_.outbox.closed()) {
            written_.wait();
        }
    }

    Hall& hall_;
    const ClientOptions& options_;
    coloop::TcpStream stream_;
    TelnetReader input_{stream_};
    coloop::CoQueue written_{"wait until a client has read more"};
    Guest guest_;
};
