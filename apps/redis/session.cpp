// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "server.hpp"

namespace redis {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch = std::size_t{1} << 20;   // bytes; more are written in between
constexpr std::size_t spare = std::size_t{64} << 10;  // what an idle client keeps

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Session::Session(Server& server, coloop::TcpStream stream)
    : id(server.next_id()),
      server_(server),
      stream_(std::move(stream)),
      has_connection_(stream_.is_open()),
      input_(std::in_place, stream_),
      parser_(server.settings().longest_bulk),
      stopping_(server.stopping()) {
    if (has_connection_) {
        peer_ = stream_.peer_address().to_string();
        stream_.set_no_delay(true);
    }
    server_.sessions.emplace(id, this);
}

Session::~Session() {
    leave_channels();
    server_.unwatch(*this);
    server_.sessions.erase(id);
}

void Session::leave_channels() {
    for (const std::string& channel : std::exchange(channels, {})) {
        Subscriptions::remove(server_.subscriptions.channels, channel, *this);
    }
    for (const std::string& pattern : std::exchange(patterns, {})) {
        Subscriptions::remove(server_.subscriptions.patterns, pattern, *this);
    }
}

void Session::run() {
    coloop::CancelScope life;
    life_ = &life;
    coloop::TaskGroup messengers;
    messengers_ = &messengers;
    life.run([&] {
        do {
            execute_all();
            flush();
        } while (!closing && !stopping_ && wait_for_more());
        if (closing) {  // it may have sent more, and shall get our last words nevertheless
            coloop::move_on_after(1s, [&] { stream_.graceful_close(); });
        }
    });
}

void Session::execute_all() {
    try {
        while (!closing && parser_.parse(text_of(input_->buffered()))) {
            if (!parser_.arguments().empty()) {
                server_.execute(*this, parser_.arguments());
            }
            input_->consume(parser_.size());
            if (parser_.size() > spare && input_->buffered().empty()) {  // gives memory back
                input_.emplace(stream_);
                parser_ = RequestParser(server_.settings().longest_bulk);
            }
            if (reply.text.size() >= batch || server_.store.pending() >= batch) {
                flush();
            }
        }
    } catch (const ProtocolError& error) {
        reply.error(std::string("ERR Protocol error: ") + error.what());
        closing = true;
    }
}

/// False at the end of what the client has to say.
bool Session::wait_for_more() {
    const std::size_t had = input_->buffered().size();
    const std::size_t limit = server_.settings().query_limit;
    if (had >= limit) {
        log_line(fmt::format("event=query-too-long client={} bytes={}", peer_, had));
        return false;
    }
    coloop::CancelScope idle;
    idle_ = &idle;
    std::size_t has = had;
    idle.run([&] { has = input_->peek(std::clamp(parser_.needed(), had + 1, limit)).size(); });
    idle_ = nullptr;
    return has > had;
}

void Session::flush() {
    const std::scoped_lock lock(writing_);
    if (reply.text.empty() || !has_connection_) {
        return;
    }
    std::string text = std::exchange(reply.text, {});
    sending_ = text.size();
    const std::vector<Promise> promises = std::exchange(promises_, {});
    if (const auto kept = server_.store.commit(promised_); !kept) {
        break_promises(text, promises, kept.error());
    }
    stream_.write(text);
    sending_ = 0;
    if (reply.text.empty() && text.capacity() <= spare) {  // used again
        text.clear();
        reply.text = std::move(text);
    }
}

/// Says of what could not be kept that it could not, instead of what was to be said.
void Session::break_promises(std::string& text, const std::vector<Promise>& promises,
                             const coloop::Error& error) const {
    Reply honest;
    std::size_t from = 0;
    for (const Promise& promise : promises) {
        honest.text.append(text, from, promise.begin - from);
        honest.error(Server::complaint(error));
        from = promise.end;
    }
    honest.text.append(text, from);
    text = std::move(honest.text);
}

void Session::note_promise(std::size_t begin) {
    promised_ = server_.store.end();
    promises_.push_back({begin, reply.text.size()});
}

void Session::stop() {
    stopping_ = true;
    if (idle_ != nullptr) {
        idle_->cancel();
    }
}

void Session::drop() {
    log_line(fmt::format("event=slow-subscriber client={} bytes={}", peer_,
                         reply.text.size() + messages_.size() + sending_));
    if (life_ != nullptr) {
        life_->cancel();
    }
}

void Session::deliver(std::string_view message) {
    (executing ? messages_ : reply.text) += message;
    if (reply.text.size() + messages_.size() + sending_ > server_.settings().output_limit) {
        drop();
    } else {
        unsent_.wake_one();
    }
}

void Session::end_reply() {
    executing = false;
    if (!messages_.empty()) {
        reply.text += std::exchange(messages_, {});
        unsent_.wake_one();
    }
}

void Session::send_messages() {
    try {
        for (;;) {
            while (reply.text.empty() || executing) {
                unsent_.wait();
            }
            flush();
        }
    } catch (const coloop::Error&) {  // the client has gone
        life_->cancel();
    }
}

void Session::become_subscriber() {
    if (messengers_ != nullptr && messengers_->size() == 0) {
        messengers_->spawn([this] { send_messages(); }, {.name = "messenger"});
    }
}

/// Returns when the client has gone, or sends so much ahead that it may wait.
void Session::watch_connection() {
    try {
        while (input_->buffered().size() < spare) {
            const std::size_t had = input_->buffered().size();
            if (input_->peek(had + 1).size() == had) {
                stop();
                return;
            }
        }
    } catch (const coloop::Error&) {
        stop();
    }
}

bool Session::wait_for(Waiter& waiter, std::chrono::nanoseconds timeout) {
    end_reply();
    flush();
    server_.blocked.enlist(waiter);
    {
        coloop::CancelScope idle;
        idle_ = &idle;
        coloop::TaskGroup watcher;
        watcher.spawn([&] { watch_connection(); }, {.name = "watcher"});
        const auto wait = [&] { waiter.served.wait(); };
        idle.run([&] {
            if (timeout > timeout.zero()) {
                coloop::move_on_after(timeout, wait);
            } else {
                wait();
            }
        });
        idle_ = nullptr;
    }
    executing = true;
    if (!waiter.done) {
        server_.blocked.leave(waiter);
        if (stopping_) {
            life_->cancel();
            coloop::check_cancelled();
        }
    }
    return waiter.done;
}

std::string Session::describe() const {
    return fmt::format(
        "id={} addr={} name={} age={} db=0 sub={} psub={} multi={} resp={} "
        "lib-name={} lib-ver={}",
        id, peer_, name, (now() - since_) / 1000, channels.size(), patterns.size(),
        queueing ? static_cast<std::int64_t>(queue.size()) : -1, reply.protocol, library_name,
        library_version);
}

}  // namespace redis
