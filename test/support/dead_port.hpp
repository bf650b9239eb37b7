// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/address.hpp>

namespace coloop {

/// A port that refuses connections as long as this exists: it is taken, so that nobody else can
/// listen there or come from there, but nobody listens.
class DeadPort {
public:
    explicit DeadPort(std::initializer_list<const char*> hosts = {"127.0.0.1", "::1"}) {
        while (!take(hosts)) {  // another process has it at one of them
            give_back();
        }
    }

    DeadPort(const DeadPort&) = delete;
    DeadPort& operator=(const DeadPort&) = delete;

    ~DeadPort() { give_back(); }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] Address address(std::string_view host = "127.0.0.1") const {
        return Address::parse(host, port_);
    }

private:
    bool take(std::initializer_list<const char*> hosts) {
        for (const char* host : hosts) {
            const Address address = Address::parse(host, port_);
            sockaddr_storage bound{};
            socklen_t size = address.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
            numbers_.push_back(socket(address.native()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (bind(numbers_.back(), address.native(), size) != 0) {
                if (errno == EADDRINUSE) {
                    return false;
                }
                continue;  // where there is no IPv6, nobody else is either
            }
            REQUIRE(getsockname(numbers_.back(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
            port_ = Address::from_native(reinterpret_cast<sockaddr*>(&bound)).port();
        }
        return true;
    }

    void give_back() {
        for (const int number : numbers_) {
            ::close(number);
        }
        numbers_.clear();
        port_ = 0;
    }

    std::vector<int> numbers_;
    std::uint16_t port_ = 0;
};

}  // namespace coloop
