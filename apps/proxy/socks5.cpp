// SPDX-License-Identifier: MIT
#include "socks5.hpp"

#include <optional>
#include <string>

#include <coloop/buf_reader.hpp>
#include <coloop/byte_order.hpp>
#include <coloop/memory.hpp>
#include <coloop/timeout.hpp>

#include "dial.hpp"
#include "relay.hpp"
#include "socks5_address.hpp"
#include "socks5_udp.hpp"

namespace proxy {

namespace {

constexpr std::uint8_t version = 5;
constexpr std::uint8_t password_version = 1;  // of the subnegotiation, RFC 1929

enum class Method : std::uint8_t { none = 0, password = 2, not_acceptable = 0xff };

enum class Command : std::uint8_t { connect = 1, bind = 2, udp_associate = 3 };

enum class Reply : std::uint8_t {
    succeeded,
    general_failure,
    not_allowed,
    network_unreachable,
    host_unreachable,
    connection_refused,
    ttl_expired,
    command_not_supported,
    address_type_not_supported,
};

Reply reply_for(Outcome outcome) {
    switch (outcome) {
        case Outcome::connected:
            return Reply::succeeded;
        case Outcome::not_allowed:
            return Reply::not_allowed;
        case Outcome::network_unreachable:
            return Reply::network_unreachable;
        case Outcome::unknown_host:
        case Outcome::host_unreachable:
        case Outcome::timed_out:
            return Reply::host_unreachable;
        case Outcome::refused:
            return Reply::connection_refused;
        default:
            return Reply::general_failure;
    }
}

void reply(coloop::Writer& to, Reply reply, const coloop::Address& bound = {}) {
    coloop::MemoryWriter message;
    coloop::write_be<std::uint8_t>(message, version);
    coloop::write_be<std::uint8_t>(message, static_cast<std::uint8_t>(reply));
    coloop::write_be<std::uint8_t>(message, 0);  // reserved
    write_socks5_address(message, bound);
    to.write(message.bytes());
}

std::string read_string(coloop::Reader& from) {
    std::string text(coloop::read_be<std::uint8_t>(from), '\0');
    from.read_exactly(std::as_writable_bytes(std::span(text)));
    return text;
}

/// What comes before the request, and the request.
class Handshake {
public:
    Handshake(coloop::BufReader& from, coloop::Writer& to, const Users& users, Access& access)
        : from_(from), to_(to), users_(users), access_(access) {}

    /// False if the client was turned away.
    bool run() { return agree_on_method() && (users_.empty() || log_in()) && read_request(); }

    [[nodiscard]] Command command() const noexcept { return command_; }

    [[nodiscard]] const Target& target() const noexcept { return target_; }

private:
    bool turn_away(std::string_view why) {
        access_.outcome = why;
        return false;
    }

    bool agree_on_method() {
        if (coloop::read_be<std::uint8_t>(from_) != version) {
            return turn_away("not SOCKS5");  // whose answer could it understand?
        }
        const Method wanted = users_.empty() ? Method::none : Method::password;
        const bool offered =
            read_string(from_).find(static_cast<char>(wanted)) != std::string::npos;
        const Method chosen = offered ? wanted : Method::not_acceptable;
        to_.write(std::array{std::byte{version}, std::byte{static_cast<std::uint8_t>(chosen)}});
        return offered || turn_away("no acceptable method");
    }

    bool log_in() {
        bool accepted = coloop::read_be<std::uint8_t>(from_) == password_version;
        if (accepted) {
            const std::string name = read_string(from_);
            const std::string password = read_string(from_);
            accepted = users_.accept(name, password);
            access_.user = name;
        }
        to_.write(std::array{std::byte{password_version}, accepted ? std::byte{0} : std::byte{1}});
        return accepted || turn_away("wrong name or password");
    }

    bool read_request() {
        if (coloop::read_be<std::uint8_t>(from_) != version) {
            reply(to_, Reply::general_failure);
            return turn_away("malformed request");
        }
        command_ = Command{coloop::read_be<std::uint8_t>(from_)};
        static_cast<void>(coloop::read_be<std::uint8_t>(from_));  // reserved
        const std::optional<Target> target = read_socks5_address(from_);
        if (!target) {
            reply(to_, Reply::address_type_not_supported);
            return turn_away("address type not supported");
        }
        target_ = *target;
        if (command_ != Command::connect && command_ != Command::udp_associate) {
            reply(to_, Reply::command_not_supported);
            return turn_away("command not supported");
        }
        return true;
    }

    coloop::BufReader& from_;
    coloop::Writer& to_;
    const Users& users_;
    Access& access_;
    Command command_ = Command::connect;
    Target target_;
};

void connect(coloop::TcpStream& client, coloop::BufReader& reader, const Target& target,
             Proxy& proxy, Access& access) {
    Dialed dialed = dial(target, proxy, access);
    if (dialed.outcome != Outcome::connected) {
        reply(client, reply_for(dialed.outcome));
        part_from(client);
        return;
    }
    reply(client, Reply::succeeded, dialed.stream.local_address());
    relay(client, dialed.stream, reader.buffered(), proxy, access);
}

void associate(coloop::TcpStream& client, const Target& target, Proxy& proxy, Access& access) {
    UdpAssociation association(client, target.port, proxy, access);
    reply(client, Reply::succeeded, association.address());
    association.run();
}

}  // namespace

void serve_socks5(coloop::TcpStream& client, Proxy& proxy, Access& access) {
    coloop::BufReader reader(client, 1024);
    Handshake handshake(reader, client, proxy.settings.users, access);
    access.outcome = "handshake timed out";
    bool agreed = false;
    coloop::move_on_after(proxy.settings.handshake_timeout, [&] { agreed = handshake.run(); });
    if (!agreed) {
        part_from(client);
        return;
    }
    if (handshake.command() == Command::connect) {
        connect(client, reader, handshake.target(), proxy, access);
    } else {
        associate(client, handshake.target(), proxy, access);
    }
}

}  // namespace proxy
