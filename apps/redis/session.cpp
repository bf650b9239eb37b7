// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "../common/log.hpp"
#include "server.hpp"

namespace redis {

using namespace std::chrono_literals;

Session::Session(Server& server, coloop::TcpStream stream)
    : id(server.enter(*this)),
      server_(server),
      stream_(std::move(stream)),
      requests_(*this, server.settings().limits) {}

Session::~Session() { server_.leave(*this); }

void Session::run() {
    stream_.set_no_delay(true);
    {
        coloop::CancelScope serving;
        serving_ = &serving;
        serving.run([this] { execute_requests(); });
    }
    if (std::exchange(serving_, nullptr) == nullptr) {
        return;  // dropped
    }
    send().value();
    if (closing) {  // it may have sent more, and shall get our last words nevertheless
        coloop::move_on_after(1s, [&] { stream_.graceful_close(); });
    }
}

void Session::execute_requests() {
    constexpr std::size_t batch = std::size_t{1} << 20;  // bytes; more are sent in between
    const std::size_t most_queued = server_.settings().limits.request;
    std::uint64_t transaction_begin = 0;  // in the stream
    Words request;
    try {
        while (!closing && requests_.read(request)) {
            if (!messages_.empty()) {  // they came first, and this may be an UNSUBSCRIBE
                reply.text += std::exchange(messages_, {});
            }
            if (!request.empty()) {
                server_.execute(*this, request);
            }
            if (!queueing) {
                transaction_begin = requests_.position();
            } else if (requests_.position() - transaction_begin > most_queued) {
                throw std::runtime_error(
                    fmt::format("a transaction of more than {} bytes", most_queued));
            }
            if (reply.text.size() >= batch || server_.store.pending() >= batch) {
                send().value();
            }
        }
    } catch (const ProtocolError& error) {
        reply.error(std::string("ERR Protocol error: ") + error.what());
        closing = true;
    } catch (const coloop::EndOfStream&) {  // inside of a request, which is none then
    }
}

/// Where `requests_` gets more from. It waits only when all is said, and is interrupted when there
/// is more to say.
coloop::Result<std::size_t> Session::read_some(std::span<std::byte> buffer) noexcept {
    while (!stopped_) {
        if (const auto sent = blocked_ ? coloop::Result<void>() : send(); !sent) {
            return sent.error();
        }
        coloop::CancelScope reading;
        reading_ = &reading;
        const auto count = stream_.read(buffer, std::nothrow);
        reading_ = nullptr;
        server_.keys.tick();
        if (count || !reading.absorbs()) {
            return count;
        }
    }
    return std::size_t{0};
}

coloop::Result<void> Session::send() {
    constexpr std::size_t spare = std::size_t{64} << 10;  // what an idle client keeps
    while (!reply.text.empty() || !messages_.empty()) {
        std::swap(sending_, reply.text);
        const Promises promises = std::exchange(promises_, {});
        if (!server_.store.commit(std::max(promised_, server_.store.seen()))) {
            break_promises(promises);
        }
        sending_ += std::exchange(messages_, {});
        if (const auto sent = stream_.write(sending_, std::nothrow); !sent) {
            return sent;
        }
        sending_.clear();
        if (sending_.capacity() > spare) {
            sending_.shrink_to_fit();
        }
    }
    return {};
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
    }
}

void Session::interrupt() {
    if (reading_ != nullptr) {
        reading_->cancel();
    }
}

void Session::stop() {
    stopped_ = true;
    interrupt();
    if (blocked_ && serving_ != nullptr) {
        serving_->cancel();
    }
}

void Session::deliver(std::string_view message) {
    if (serving_ == nullptr) {
        return;  // it is about to end
    }
    messages_ += message;
    interrupt();
    const std::size_t unread = messages_.size() + reply.text.size() + sending_.size();
    if (unread > server_.settings().output_limit) {
        common::log("slow-subscriber", {{"client", id}, {"bytes", unread}});
        std::exchange(serving_, nullptr)->cancel();
    }
}

void Session::wait_for(Waiter& waiter, std::chrono::milliseconds timeout) {
    send().value();
    blocked_ = true;  // what reads meanwhile, to notice when the client leaves, says nothing
    {
        coloop::TaskGroup watcher;  // ends with the wait
        const auto watch = [this] {
            requests_.wait_for_end();
            stop();
        };
        watcher.spawn(watch, {.name = "watcher"});
        const auto wait = [&] { waiter.served.wait(); };
        timeout > 0ms ? static_cast<void>(coloop::move_on_after(timeout, wait)) : wait();
    }
    blocked_ = false;
    server_.keys.tick();
}

}  // namespace redis
