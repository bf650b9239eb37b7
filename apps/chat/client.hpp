// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <coloop/coloop.hpp>

#include "hall.hpp"
#include "telnet.hpp"

struct ClientOptions {
    std::size_t line_limit = 1024;  ///< bytes
    std::size_t outbox = 256;       ///< lines that may wait for a client
    double idle = 0;                ///< seconds without a line after which it has to go; 0: never
};

/// One connection: a coroutine that reads, and one that writes what the hall puts into its outbox.
class Client final : public Guest {
public:
    Client(Hall& hall, coloop::TcpStream stream, const ClientOptions& options);
    ~Client() override;

    /// Returns when the connection is over.
    void run();

    bool hear(const Line& line) noexcept override;
    void drop() noexcept override;
    void dismiss() noexcept override;

private:
    void converse();
    void write_all();
    void read_all();
    std::string_view read_lines();
    std::optional<std::string_view> next_line();
    bool skip_line();
    void wait_until_heard();

    Hall& hall_;
    const ClientOptions& options_;
    coloop::TcpStream stream_;
    TelnetReader telnet_{stream_};
    coloop::BufReader input_{telnet_, 2048};
    coloop::Channel<Line> outbox_;
    coloop::CoQueue written_{"wait until a client has read more"};
    std::string why_ = "cut off";  // it leaves
    coloop::CancelScope all_;
};
