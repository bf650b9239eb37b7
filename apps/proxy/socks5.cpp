// SPDX-License-Identifier: MIT
#include "socks5.hpp"

#include <array>
#include <utility>

#include "users.hpp"

namespace proxy {

namespace {

using coloop::read_be;
using coloop::write_be;

constexpr std::uint8_t version = 5;
constexpr std::uint8_t password_version = 1;  // of the subnegotiation, RFC 1929

enum class Method : std::uint8_t { none = 0, password = 2, not_acceptable = 0xff };

enum class Command : std::uint8_t { connect = 1, bind = 2, udp_associate = 3 };

enum class AddressType : std::uint8_t { ipv4 = 1, name = 3, ipv6 = 4 };

/// A client that is turned away before its request has been told so already, or can't be.
struct TurnedAway {
    std::string_view why;
};

std::string read_text(coloop::Reader& from) {
    std::string text(read_be<std::uint8_t>(from), '\0');
    from.read_exactly(std::as_writable_bytes(std::span(text)));
    return text;
}

void agree_on_method(coloop::Reader& from, coloop::Writer& to, Method wanted) {
    if (read_be<std::uint8_t>(from) != version) {
        throw TurnedAway{"not SOCKS5"};  // whose answer could it understand?
    }
    const bool offered = read_text(from).find(static_cast<char>(wanted)) != std::string::npos;
    const Method chosen = offered ? wanted : Method::not_acceptable;
    to.write(std::array{std::byte{version}, static_cast<std::byte>(chosen)});
    if (!offered) {
        throw TurnedAway{"no acceptable method"};
    }
}

void log_in(coloop::Reader& from, coloop::Writer& to, Access& access) {
    bool accepted = read_be<std::uint8_t>(from) == password_version;
    if (accepted) {
        access.user = read_text(from);
        const std::string claim = access.user + ':' + read_text(from);
        accepted =
            access.user.find(':') == access.user.npos && is_among(access.settings.users, claim);
    }
    to.write(std::array{std::byte{password_version}, accepted ? std::byte{0} : std::byte{1}});
    if (!accepted) {
        throw TurnedAway{"wrong name or password"};
    }
}

std::pair<Command, Target> read_request(coloop::Reader& from) {
    if (read_be<std::uint8_t>(from) != version) {
        throw Refusal{"malformed request"};
    }
    const Command command{read_be<std::uint8_t>(from)};
    static_cast<void>(read_be<std::uint8_t>(from));  // reserved
    Target target = read_address(from);
    if (command != Command::connect && command != Command::udp_associate) {
        throw Refusal{"command not supported", Reply::command_not_supported};
    }
    return {command, std::move(target)};
}

void serve_whole(coloop::TcpStream& client, Access& access) {
    coloop::BufReader reader(client, 1024);
    const bool is_open = access.settings.users.empty();
    const auto [command, target] = coloop::with_timeout(access.settings.handshake_timeout, [&] {
        agree_on_method(reader, client, is_open ? Method::none : Method::password);
        if (!is_open) {
            log_in(reader, client, access);
        }
        return read_request(reader);
    });
    if (command == Command::udp_associate) {
        return associate_udp(client, target.port, access);
    }
    coloop::TcpStream server = dial(target, access);
    write_reply(client, Reply::succeeded, server.local_address());
    relay(client, server, reader.buffered(), access);
}

}  // namespace

void serve_socks5(coloop::TcpStream& client, Access& access) {
    try {
        return serve_whole(client, access);
    } catch (const Refusal& refusal) {
        access.outcome = refusal.why;
        write_reply(client, refusal.reply);
    } catch (const TurnedAway& reason) {
        access.outcome = reason.why;
    }
    part_from(client);
}

void write_reply(coloop::Writer& to, Reply reply, const coloop::Address& bound) {
    coloop::MemoryWriter message;
    message.write(std::array{std::byte{version}, static_cast<std::byte>(reply), std::byte{0}});
    write_address(message, bound);
    to.write(message.bytes());
}

Target read_address(coloop::Reader& from) {
    const AddressType type{read_be<std::uint8_t>(from)};
    std::string host;
    if (type == AddressType::name) {
        host = read_text(from);
    } else if (type == AddressType::ipv4 || type == AddressType::ipv6) {
        std::array<std::byte, 16> bytes;
        const auto used = std::span(bytes).first(type == AddressType::ipv4 ? 4 : 16);
        from.read_exactly(used);
        host = coloop::Address::from_bytes(used, 0).host();
    } else {
        throw Refusal{"address type not supported", Reply::address_type_not_supported};
    }
    return {std::move(host), read_be<std::uint16_t>(from)};
}

void write_address(coloop::Writer& to, const coloop::Address& address) {
    const AddressType type = address.is_ipv6() ? AddressType::ipv6 : AddressType::ipv4;
    write_be<std::uint8_t>(to, static_cast<std::uint8_t>(type));
    to.write(address.host_bytes());
    write_be<std::uint16_t>(to, address.port());
}

}  // namespace proxy
