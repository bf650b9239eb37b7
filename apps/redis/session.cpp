// SPDX-License-Identifier: MIT
#include "session.hpp"

#include "../log.hpp"
#include "server.hpp"

namespace redis {

using namespace std::chrono_literals;

Session::Session(Server& server, coloop::TcpStream stream)
    : id(server.enter(*this)),
      server_(server),
      stream_(std::move(stream)),
      requests_(stream_, server.settings().limits) {}

Session::~Session() { server_.leave(*this); }

void Session::run() {
    stream_.set_no_delay(true);
    coloop::TaskGroup writer;
    writer_ = &writer;
    writer.spawn([this] { write_replies(); }, {.name = "writer"});
    {
        coloop::CancelScope reading;
        reading_ = &reading;
        reading.run([this] { execute_requests(); });
        reading_ = nullptr;
    }
    ended_ = true;
    unsent_.wake_one();
    writer.wait();
    if (closing) {  // it may have sent more, and shall get our last words nevertheless
        coloop::move_on_after(1s, [&] { stream_.graceful_close(); });
    }
}

void Session::execute_requests() {
    constexpr std::size_t batch = std::size_t{1} << 20;  // bytes; more are written in between
    Words request;
    try {
        while (!closing && requests_.read(request)) {
            reply.text += std::exchange(messages_, {});
            if (requests_.has_waited()) {
                server_.keys.tick();
            }
            if (!request.empty()) {
                server_.execute(*this, request);
            }
            unsent_.wake_one();
            if (reply.text.size() >= batch || server_.store.pending() >= batch) {
                sent_.wait();
                server_.keys.tick();
            }
        }
    } catch (const ProtocolError& error) {
        reply.error(std::string("ERR Protocol error: ") + error.what());
        closing = true;
    } catch (const coloop::EndOfStream&) {  // inside of a request, which is none then
    }
}

void Session::write_replies() {
    constexpr std::size_t spare = std::size_t{64} << 10;  // what an idle client keeps
    try {
        for (;;) {
            reply.text += std::exchange(messages_, {});
            if (reply.text.empty() && ended_) {
                return;
            }
            if (reply.text.empty()) {
                unsent_.wait();
                continue;
            }
            std::swap(sending_, reply.text);
            const Promises promises = std::exchange(promises_, {});
            if (!server_.store.commit(promised_)) {
                break_promises(promises);
            }
            stream_.write(sending_);
            sending_.clear();
            if (sending_.capacity() > spare) {
                sending_.shrink_to_fit();
            }
            sent_.wake_one();
        }
    } catch (const coloop::Error&) {  // the client has gone
        stop();
        throw;
    }
}

/// Says of what could not be kept that it could not, instead of what was to be said.
void Session::break_promises(const Promises& promises) {
    Reply honest;
    std::size_t from = 0;
    for (const auto& [begin, end] : promises) {
        honest.text.append(sending_, from, begin - from);
        honest.error(server_.store.complaint());
        from = end;
    }
    sending_ = honest.text.append(sending_, from);
}

void Session::promise(std::size_t begin) {
    if (begin < reply.text.size()) {
        promised_ = server_.store.end();
        promises_.emplace_back(begin, reply.text.size());
        unsent_.wake_one();
    }
}

void Session::stop() {
    if (reading_ != nullptr) {
        reading_->cancel();
    }
}

void Session::deliver(std::string_view message) {
    messages_ += message;
    unsent_.wake_one();
    const std::size_t unread = messages_.size() + reply.text.size() + sending_.size();
    if (unread > server_.settings().output_limit) {
        log("event=slow-subscriber client={} bytes={}", id, unread);
        stop();
        writer_->cancel();
    }
}

void Session::wait_for(Waiter& waiter, std::chrono::milliseconds timeout) {
    coloop::TaskGroup watcher;  // ends with the wait
    watcher.spawn([this] { requests_.wait_for_end() ? stop() : void(); }, {.name = "watcher"});
    const auto wait = [&] { waiter.served.wait(); };
    timeout > 0ms ? static_cast<void>(coloop::move_on_after(timeout, wait)) : wait();
    server_.keys.tick();
}

}  // namespace redis
