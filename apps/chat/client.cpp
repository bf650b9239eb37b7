// SPDX-License-Identifier: MIT
#include "client.hpp"

#include <optional>
#include <string>
#include <utility>

#include "../common/log.hpp"
#include "telnet.hpp"
#include "text.hpp"

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;                               // with a client that is to go
constexpr std::size_t batch = std::size_t{16} << 10;        // bytes that are enough for one write
constexpr std::size_t send_buffer = std::size_t{64} << 10;  // bounds what the system keeps, too

/// One connection: a coroutine that reads, and one that writes what the hall puts into the outbox.
class Client {
public:
    Client(Hall& hall, coloop::TcpStream& stream, const ClientOptions& options)
        : hall_(hall), options_(options), stream_(stream), guest_(options.outbox) {
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

    /// Returns true when all is said, false if the connection is to be cut.
    bool run() {
        return guest_.connection.run([&] { converse(); });
    }

private:
    void converse() {
        guest_.hear(
            notice("welcome, {}; /nick NAME, /join ROOM, then talk; /help for more", guest_.name));
        if (hall_.closed()) {
            guest_.outbox.close();
        }
        coloop::TaskGroup reading;  // ends with this function
        reading.spawn([&] { read_all(); }, {.name = "reader of a client"});
        write_all();
    }

    /// Writes what is in the outbox, until it is closed.
    void write_all() {
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
            guest_.why_left = read_lines();
        } catch (const coloop::Error& error) {
            guest_.why_left = error.code().message();
        }
        hall_.leave(guest_);
        guest_.outbox.close();
        coloop::co_sleep(patience);
        guest_.connection.cancel();
    }

    /// Does what the client says until it leaves; returns why it does.
    std::string read_lines() {
        const auto idle = options_.idle > 0s ? options_.idle : std::chrono::milliseconds::max();
        while (true) {
            const auto line = coloop::move_on_after(idle, [&] {
                wait_until_heard();
                return next_line();
            });
            if (!line) {
                guest_.hear(notice("nothing came from you for {} s; good-bye",
                                   std::chrono::duration<double>(idle).count()));
                return "idle";
            }
            if (!*line) {
                return "disconnected";
            }
            if (!obey(hall_, guest_, harmless(**line))) {
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

    /// The next line that is not too long.
    std::optional<std::string_view> next_line() {
        bool too_long = false;  // what comes up to the next line end is the rest of such a line
        while (true) {
            const auto line = input_.read_line(options_.line_limit, std::nothrow);
            if (!line && line.error().code() == coloop::Errc::too_long) {
                input_.consume(options_.line_limit);
                too_long = true;
            } else if (!too_long || !line.value()) {
                return line.value();
            } else {
                guest_.hear(
                    notice("that line had more than {} bytes, nobody saw it", options_.line_limit));
                too_long = false;
            }
        }
    }

    Hall& hall_;
    const ClientOptions& options_;
    coloop::TcpStream& stream_;
    TelnetReader telnet_{stream_};
    coloop::BufReader input_{telnet_, 2048};
    coloop::CoQueue written_{"wait until a client has read more"};
    Guest guest_;
};

}  // namespace

void attend(Hall& hall, coloop::TcpStream stream, const ClientOptions& options) {
    stream.set_no_delay(true);
    stream.set_send_buffer(send_buffer);
    if (Client(hall, stream, options).run()) {
        coloop::move_on_after(patience,
                              [&] { static_cast<void>(stream.graceful_close(std::nothrow)); });
    } else {
        stream.reset();  // unless a write was cut off, which has closed it
    }
}
