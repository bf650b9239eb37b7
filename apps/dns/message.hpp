// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The few parts of a DNS message (RFC 1035, 6891) that a server looks at for each query. All else
/// is left to ldns.

enum class Rcode : std::uint16_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
    bad_version = 16,
};

namespace type {
constexpr std::uint16_t cname = 5, soa = 6, opt = 41, ixfr = 251, axfr = 252, any = 255;
}

constexpr std::uint16_t class_in = 1;
constexpr std::size_t header_size = 12;

/// What answers over UDP hold at the most, and what we say that we can take: it passes everywhere
/// in one piece.
constexpr std::uint16_t payload_size = 1232;

struct Query {
    std::uint16_t id;
    std::uint16_t flags;
    std::span<const std::byte> question = {};  ///< name, type and class; empty if there is not one
    std::uint16_t type = 0;
    std::uint16_t record_class = 0;
    Rcode fault = Rcode::no_error;  ///< what is wrong with it, if anything
    bool has_edns = false;
    bool dnssec_ok = false;
    std::uint16_t payload = 512;  ///< what its sender can take over UDP

    [[nodiscard]] bool wants_recursion() const { return (flags & 0x0100) != 0; }

    [[nodiscard]] bool checking_disabled() const { return (flags & 0x0010) != 0; }

    /// The question with a small-lettered name, and what else makes the answer another one.
    [[nodiscard]] std::string key() const;
};

/// No value if it is not even worth an answer: too short, or an answer itself.
std::optional<Query> parse_query(std::span<const std::byte> message);

/// An answer without what depends on who asks, for being given many times.
struct Answer {
    std::vector<std::byte> wire;            ///< without EDNS
    std::vector<std::uint16_t> ttl_places;  ///< in `wire`
    std::uint32_t ttl = 0;                  ///< seconds for which it may be kept
    bool authoritative = false;             ///< from a zone of ours: its TTLs do not count down
};

using AnswerPtr = std::shared_ptr<const Answer>;

/// What an upstream has sent, if it is a sound answer to `question` with the id; else null.
AnswerPtr parse_answer(std::span<const std::byte> message, std::uint16_t id,
                       std::span<const std::byte> question);

/// True if it says that there is more, over TCP.
bool is_truncated(std::span<const std::byte> message);

/// A query for an upstream.
std::vector<std::byte> make_query(std::uint16_t id, const Query& query);

/// Writes the answer for who asks, `age` seconds after it came, into `out`, and returns its size.
/// What has no room in `limit` bytes is left out, and the answer says so. `out` must have room for
/// the answer and the 11 bytes of EDNS.
std::size_t write_answer(const Query& query, const Answer& answer, std::uint32_t age,
                         bool recursion, std::size_t limit, std::span<std::byte> out);

/// The same for an answer without records.
std::size_t write_error(const Query& query, Rcode code, bool recursion, std::span<std::byte> out);

/// The names' case does not count.
bool same_question(std::span<const std::byte> one, std::span<const std::byte> other);
