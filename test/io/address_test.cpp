// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <unordered_set>

#include <netinet/in.h>

#include <doctest/doctest.h>
#include <net/if.h>

#include <coloop/address.hpp>

#include "support/expect_error.hpp"

using namespace coloop;

TEST_CASE("an address prints as it was written") {
    for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:443",
                             "[::]:0", "[2001:db8::7]:8080"}) {
        CAPTURE(text);
        CHECK(Address::parse(text).to_string() == text);
    }
}

TEST_CASE("an address is made of a numeric host and a port") {
    const Address ipv4 = Address::parse("10.1.2.3", 7000);
    CHECK(ipv4.host() == "10.1.2.3");
    CHECK(ipv4.port() == 7000);
    CHECK_FALSE(ipv4.is_ipv6());

    const Address ipv6 = Address::parse("fe80:0:0:0:0:0:0:1", 1);
    CHECK(ipv6.host() == "fe80::1");
    CHECK(ipv6.port() == 1);
    CHECK(ipv6.is_ipv6());
}

TEST_CASE("an address without a value is any IPv4 address and no port") {
    CHECK(Address().to_string() == "0.0.0.0:0");
    CHECK(Address() == Address::parse("0.0.0.0:0"));
}

TEST_CASE("an address keeps the interface that its scope names") {
    const unsigned loopback = if_nametoindex("lo");
    REQUIRE(loopback > 0);
    const Address address = Address::parse("fe80::1%lo", 80);
    CHECK(reinterpret_cast<const sockaddr_in6*>(address.native())->sin6_scope_id == loopback);
    CHECK(address.host() == "fe80::1%lo");
    CHECK(address.to_string() == "[fe80::1%lo]:80");
    CHECK(Address::parse(address.to_string()) == address);
    CHECK_FALSE(address == Address::parse("fe80::1", 80));
    CHECK(Address::parse("fe80::1%" + std::to_string(loopback), 80) == address);
}

TEST_CASE("a scope that names no interface is an error") {
    for (const char* host :
         {"fe80::1%nosuchif", "fe80::1%", "fe80::1%0", "fe80::1%1x", "fe80::1%99999999999"}) {
        CAPTURE(host);
        CHECK_FALSE(Address::parse(host, 80, std::nothrow).has_value());
    }
}

TEST_CASE("what is no address is an error that names it, in both forms") {
    for (const char* host : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1",
                             "::1::", "1.2.3.4 ", "[::1]", "127.0.0.1:80"}) {
        CAPTURE(host);
        expect_both(
            [&] { Address::parse(host, 80); },
            [&] { return Address::parse(host, 80, std::nothrow); }, std::errc::invalid_argument,
            std::string("parse address") + (*host != 0 ? " " : "") + host + ": invalid argument");
    }
    const std::string_view with_zero("127.0.0.1\0x", 11);
    CHECK_FALSE(Address::parse(with_zero, 80, std::nothrow).has_value());
}

TEST_CASE("a port that is missing, no number or too large is an error, in both forms") {
    for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80x",
                             "127.0.0.1:-1", "127.0.0.1:65536", "::1:80", "[::1]", "[::1]80", ":80",
                             "[]:80", "[127.0.0.1]:80", "[::1:80", "localhost:80"}) {
        CAPTURE(text);
        CHECK_FALSE(Address::parse(text, std::nothrow).has_value());
        CHECK_THROWS_AS(Address::parse(text), Error);
    }
    expect_both([] { Address::parse("127.0.0.1:65536"); },
                [] { return Address::parse("127.0.0.1:65536", std::nothrow); },
                std::errc::invalid_argument, "parse address 127.0.0.1:65536: invalid argument");
}

TEST_CASE("addresses are equal if host, port and family are") {
    const Address address = Address::parse("127.0.0.1", 80);
    CHECK(address == Address::parse("127.0.0.1:80"));
    CHECK_FALSE(address == Address::parse("127.0.0.1", 81));
    CHECK_FALSE(address == Address::parse("127.0.0.2", 80));
    CHECK_FALSE(address == Address::parse("::ffff:127.0.0.1", 80));
    CHECK(address.with_port(81) == Address::parse("127.0.0.1", 81));
    CHECK(Address::parse("::1", 1).with_port(2) == Address::parse("::1", 2));
}

TEST_CASE("a host becomes the bytes that messages have for it, and comes back from them") {
    for (const char* text : {"127.0.0.1:80", "255.1.2.3:0", "[2001:db8::7]:8080", "[::]:65535"}) {
        CAPTURE(text);
        const Address address = Address::parse(text);
        const std::span<const std::byte> bytes = address.host_bytes();
        CHECK(bytes.size() == (address.is_ipv6() ? 16 : 4));
        CHECK(Address::from_bytes(bytes, address.port()) == address);
    }
    CHECK(Address::parse("1.2.3.4", 5).host_bytes().front() == std::byte{1});
    const std::array<std::byte, 5> odd{};
    expect_both([&] { Address::from_bytes(odd, 80); },
                [&] { return Address::from_bytes(odd, 80, std::nothrow); },
                std::errc::invalid_argument, "parse address 5 bytes: invalid argument");
}

TEST_CASE("equal addresses have equal hashes and different ones seldom") {
    std::unordered_set<Address> addresses;
    std::unordered_set<std::size_t> hashes;
    for (std::uint16_t port = 0; port < 1000; ++port) {
        addresses.insert(Address::parse("127.0.0.1", port));
        addresses.insert(Address::parse("127.0.0.1:" + std::to_string(port)));
        hashes.insert(Address::parse("127.0.0.1", port).hash());
    }
    CHECK(addresses.size() == 1000);
    CHECK(hashes.size() > 990);
}

TEST_CASE("an address of the system is copied, without the padding that nobody has to clear") {
    sockaddr_in native;
    std::memset(&native, 0xff, sizeof native);
    native.sin_family = AF_INET;
    native.sin_port = htons(80);
    native.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const Address address = Address::from_native(reinterpret_cast<const sockaddr*>(&native));
    CHECK(address == Address::parse("127.0.0.1", 80));
    CHECK(address.hash() == Address::parse("127.0.0.1", 80).hash());

    const Address ipv6 = Address::parse("fe80::1%lo", 80);
    CHECK(Address::from_native(ipv6.native()) == ipv6);
}

TEST_CASE("an address of a family that is neither IPv4 nor IPv6 becomes the empty one") {
    const sockaddr native{AF_UNIX, {}};
    CHECK(Address::from_native(&native) == Address());
}
