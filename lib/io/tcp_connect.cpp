// SPDX-License-Identifier: MIT
//
// Connecting, to one address or to the first of several that answers. Each attempt is a coroutine
// in a group that ends with the race, so that the losers are cancelled and closed.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <coloop/dns.hpp>
#include <coloop/sleep.hpp>
#include <coloop/task_group.hpp>
#include <coloop/tcp.hpp>
#include <coloop/uv_error.hpp>

#include "io/tcp_node.hpp"
#include "loop/sleeper.hpp"

namespace coloop {

namespace {

/// The families take turns, beginning with the first address's. (RFC 8305, 4)
std::vector<Address> in_turns(std::span<const Address> addresses) {
    std::vector<Address> firsts;
    std::vector<Address> seconds;
    for (const Address& address : addresses) {
        const bool like_first = address.is_ipv6() == addresses.front().is_ipv6();
        (like_first ? firsts : seconds).push_back(address);
    }
    std::vector<Address> result;
    for (std::size_t i = 0; i < std::max(firsts.size(), seconds.size()); ++i) {
        for (const std::vector<Address>* family : {&firsts, &seconds}) {
            if (i < family->size()) {
                result.push_back((*family)[i]);
            }
        }
    }
    return result;
}

class Race final : public Describable {
public:
    Race(LoopState& state, std::string name, std::vector<Address> addresses,
         const ConnectOptions& options)
        : state_(state),
          name_(std::move(name)),
          addresses_(std::move(addresses)),
          errors_(addresses_.size()),
          options_(options) {}

    Result<TcpStream> run() {
        {
            TaskGroup attempts;
            while (!winner_ && (started_ < addresses_.size() || failed_ < started_)) {
                if (started_ < addresses_.size()) {
                    start_next(attempts);
                }
                if (!wait_for_news()) {
                    return Error(Errc::cancelled, "connect", name_);
                }
            }
        }
        if (winner_) {
            return *std::move(winner_);
        }
        return Error(errors_.front()->code(), "connect", describe());
    }

    [[nodiscard]] std::string describe() const override {
        std::string text = name_;
        for (std::size_t i = 0; i < started_; ++i) {
            text += (i > 0 ? ", " : text.empty() ? "" : " at ") + addresses_[i].to_string();
            if (errors_[i]) {
                text += " (" + errors_[i]->code().message() + ')';
            }
        }
        return text;
    }

private:
    void start_next(TaskGroup& attempts) {
        const std::size_t index = started_++;
        const Result<Task<void>> spawned =
            attempts.spawn([this, index] { attempt(index); }, {.name = "connect"}, std::nothrow);
        if (!spawned) {
            errors_[index] = spawned.error();
            ++failed_;
        }
    }

    void attempt(std::size_t index) {
        Result<TcpStream> stream = TcpStream::connect(addresses_[index], options_, std::nothrow);
        if (!stream) {
            errors_[index] = stream.error();
            ++failed_;
        } else if (!winner_) {
            winner_ = *std::move(stream);
        }
        news_.wake_one();
    }

    /// Until an attempt has ended, or it is time for the next; false if cancelled.
    bool wait_for_news() {
        if (failed_ == started_) {
            return true;
        }
        std::optional<Sleeper> sleeper;
        if (started_ < addresses_.size()) {
            const std::int64_t delay =
                std::max<std::int64_t>(saturated_ns(options_.attempt_delay), 0);
            sleeper.emplace(state_, state_.time() + static_cast<std::uint64_t>(delay), news_);
        }
        return news_.wait(std::nothrow);
    }

    LoopState& state_;
    std::string name_;
    std::vector<Address> addresses_;
    std::vector<std::optional<Error>> errors_;
    const ConnectOptions& options_;
    std::size_t started_ = 0;
    std::size_t failed_ = 0;
    std::optional<TcpStream> winner_;
    CoQueue news_{"connect", this};
};

Result<TcpStream> connect_to_any(std::string name, std::span<const Address> addresses,
                                 const ConnectOptions& options) {
    LoopState& state = LoopState::current("connect");
    std::vector<Address> candidates;
    for (const Address& address : in_turns(addresses)) {
        if (!options.local || options.local->is_ipv6() == address.is_ipv6()) {
            candidates.push_back(address);
        }
    }
    if (candidates.empty()) {
        return Error(uv_code(UV_EADDRNOTAVAIL), "connect", name);
    }
    if (candidates.size() == 1) {
        return TcpStream::connect(candidates.front(), options, std::nothrow);
    }
    return Race(state, std::move(name), std::move(candidates), options).run();
}

}  // namespace

Result<TcpStream> TcpStream::connect(const Address& address, const ConnectOptions& options,
                                     std::nothrow_t /*tag*/) noexcept {
    LoopState& state = LoopState::current("connect");
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "connect", address.to_string());
    }
    const Result<NodePtr<TcpNode>> node = TcpNode::create(state, address);
    if (!node) {
        return node.error();
    }
    TcpStream stream(node->get());
    const Address* local = options.local ? &*options.local : nullptr;
    if (const Result<void> connected = (*node)->connect(local); !connected) {
        if (local == nullptr) {
            return connected.error();
        }
        return Error(connected.error().code(), "connect",
                     address.to_string() + " from " + local->to_string());
    }
    return stream;
}

Result<TcpStream> TcpStream::connect(std::span<const Address> addresses,
                                     const ConnectOptions& options,
                                     std::nothrow_t /*tag*/) noexcept {
    return connect_to_any({}, addresses, options);
}

Result<TcpStream> TcpStream::connect(std::string_view host, std::uint16_t port,
                                     const ConnectOptions& options, std::nothrow_t tag) noexcept {
    Result<std::vector<Address>> addresses = resolve(host, tag);
    if (!addresses) {
        return addresses.error();
    }
    for (Address& address : *addresses) {
        address = address.with_port(port);
    }
    return connect_to_any(std::string(host) + ':' + std::to_string(port), *addresses, options);
}

}  // namespace coloop
