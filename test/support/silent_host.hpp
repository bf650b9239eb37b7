// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <coloop/tcp.hpp>

#include "support/bystander.hpp"

namespace coloop {

/// An address at which nobody answers, neither yes nor no.
class SilentHost {
public:
    SilentHost() {
        for (;;) {
            Bystander connector([&] { streams_.push_back(TcpStream::connect(address())); });
            if (!connector.ended()) {
                connector.cancel();
                static_cast<void>(connector.outcome());
                return;
            }
        }
    }

    [[nodiscard]] Address address() const { return listener_.local_address(); }

private:
    TcpListener listener_{"127.0.0.1", 0, {.backlog = 0}};
    std::vector<TcpStream> streams_;
};

}  // namespace coloop
