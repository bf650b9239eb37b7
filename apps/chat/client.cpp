// SPDX-License-Identifier: MIT
#include "client.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "../log.hpp"
#include "commands.hpp"
#include "text.hpp"

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;      // with a client that is to go
constexpr std::size_t batch = 64;  // lines in one write
constexpr std::size_t send_buffer =
    64 * 1024;  // what the system keeps for a client is bounded, too

}  // namespace

Client::Client(Hall& hall, coloop::TcpStream stream, const ClientOptions& options)
    : hall_(hall), options_(options), stream_(std::move(stream)), outbox_(options.outbox) {
    hall_.enter(*this);
    log("event=enter name={} clients={}", name(), hall_.size());
}

Client::~Client() {
    hall_.leave(*this, why_);
    log("event=leave name={} reason=\"{}\" clients={}", name(), why_, hall_.size());
}

bool Client::hear(const Line& line) noexcept { return outbox_.closed() || outbox_.try_send(line); }

void Client::drop() noexcept {
    why_ = "slow";
    all_.cancel();
}

void Client::dismiss() noexcept { outbox_.close(); }

void Client::run() {
    const bool polite = all_.run([&] { converse(); });
    if (!polite) {
        stream_.reset();  // unless a write was cut off, which has closed it
        return;
    }
    coloop::move_on_after(patience,
                          [&] { static_cast<void>(stream_.graceful_close(std::nothrow)); });
}

void Client::converse() {
    stream_.set_no_delay(true);
    stream_.set_send_buffer(send_buffer);
    hear(notice(
        fmt::format("welcome, {}; /nick NAME, /join ROOM, then talk; /help for more", name())));
    if (hall_.closed()) {
        dismiss();
    }
    coloop::TaskGroup reading;  // ends with this function
    reading.spawn([&] { read_all(); }, {.name = "reader of a client"});
    write_all();
}

/// Writes what is in the outbox, as much as there is at once, until it is closed.
void Client::write_all() {
    std::array<Line, batch> lines;
    std::array<std::span<const std::byte>, batch> pieces;
    while (std::optional<Line> line = outbox_.receive()) {
        std::size_t count = 0;
        for (; line; line = count < batch ? outbox_.try_receive() : std::nullopt) {
            lines[count] = *std::move(line);
            pieces[count] = std::as_bytes(std::span(*lines[count]));
            ++count;
        }
        stream_.write(std::span(pieces).first(count));
        written_.wake_all();
    }
}

/// Reads until the client goes or has to; then lets it have what is in its outbox, if it takes it.
void Client::read_all() {
    try {
        why_ = read_lines();
    } catch (const coloop::Error& error) {
        why_ = error.code().message();
    }
    hall_.leave(*this, why_);
    dismiss();
    coloop::co_sleep(patience);
    all_.cancel();
}

std::string_view Client::read_lines() {
    const auto idle = options_.idle > 0 ? std::chrono::duration<double>(options_.idle)
                                        : std::chrono::duration<double>::max();
    while (true) {
        const auto line = coloop::move_on_after(idle, [&] {
            wait_until_heard();
            return next_line();
        });
        if (!line) {
            hear(notice(fmt::format("nothing came from you for {} s; good-bye", options_.idle)));
            return "idle";
        }
        if (!*line) {
            return "disconnected";
        }
        if (!obey(hall_, *this, harmless(**line))) {
            return "quit";
        }
    }
}

/// Whoever does not read what was said is not listened to either, so nobody can fill the memory
/// with answers to questions.
void Client::wait_until_heard() {
    while (outbox_.size() > options_.outbox / 4 && !outbox_.closed()) {
        written_.wait();
    }
}

/// The next line that is not too long.
std::optional<std::string_view> Client::next_line() {
    while (true) {
        auto line = input_.read_line(options_.line_limit, std::nothrow);
        if (line) {
            return *line;
        }
        if (line.error().code() != coloop::Errc::too_long) {
            line.error().raise();
        }
        if (!skip_line()) {
            return std::nullopt;
        }
        hear(notice(
            fmt::format("that line had more than {} bytes, nobody saw it", options_.line_limit)));
    }
}

/// Throws away the rest of a line, keeping no more of it than the buffer holds; false if the stream
/// ends before.
bool Client::skip_line() {
    while (true) {
        const std::span<const std::byte> some = input_.peek();
        const auto end = std::find(some.begin(), some.end(), std::byte{'\n'});
        const bool found = end != some.end();
        input_.consume(static_cast<std::size_t>(end - some.begin()) + (found ? 1 : 0));
        if (found || some.empty()) {
            return found;
        }
    }
}
