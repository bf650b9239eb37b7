// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <coloop/byte_order.hpp>

/// The few parts of a DNS message (RFC 1035, 6891) that a server looks at for each query. All else
/// is left to ldns.
using Message = std::span<const std::byte>;

inline std::uint16_t get16(Message message, std::size_t at) {
    return coloop::load_be<std::uint16_t>(message.subspan(at).first<2>());
}

inline std::uint32_t get32(Message message, std::size_t at) {
    return coloop::load_be<std::uint32_t>(message.subspan(at).first<4>());
}

inline void put16(std::span<std::byte> message, std::size_t at, std::size_t value) {
    std::ranges::copy(coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(value)),
                      message.subspan(at).begin());
}

inline void put32(std::span<std::byte> message, std::size_t at, std::uint32_t value) {
    std::ranges::copy(coloop::store_be<std::uint32_t>(value), message.subspan(at).begin());
}

enum class Rcode : std::uint16_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
    bad_version = 16,
};

inline Rcode code_of(Message message) { return Rcode(get16(message, 2) & 15); }

constexpr std::size_t header_size = 12;

/// What answers over UDP hold at the most, and what we say that we can take: it passes everywhere
/// in one piece.
constexpr std::uint16_t payload_size = 1232;

struct Query {
    std::uint16_t id;
    std::uint16_t flags;
    Message question = {};  ///< name, type and class; empty if there is not one
    std::uint16_t type = 0;
    std::uint16_t record_class = 0;
    Rcode fault = Rcode::no_error;  ///< what is wrong with it, if anything
    bool has_edns = false;
    bool dnssec_ok = false;
    std::uint16_t payload = 512;  ///< what its sender can take over UDP

    [[nodiscard]] bool wants_recursion() const { return (flags & 0x0100) != 0; }

    /// The question with a small-lettered name, and what else makes the answer another one.
    [[nodiscard]] std::string key() const;
};

/// No value if it is not even worth an answer: too short, or an answer itself.
std::optional<Query> parse_query(Message message);

/// An answer without what depends on who asks, for being given many times.
struct Answer {
    std::vector<std::byte> wire;  ///< without EDNS
    std::uint32_t ttl = 0;        ///< seconds for which it may be kept
    bool authoritative = false;   ///< from a zone of ours: its TTLs do not count down
};

using AnswerPtr = std::shared_ptr<const Answer>;

/// What is to be said to a query.
struct Reply {
    AnswerPtr answer = nullptr;
    std::uint32_t age = 0;               ///< seconds since it came
    Rcode code = Rcode::server_failure;  ///< if there is no answer

    /// Bytes that it takes, if there is no limit.
    [[nodiscard]] std::size_t size() const;
};

/// Writes the reply for who asks into `out`, and returns its size. What has no room in `limit`
/// bytes is left out, and the reply says so. `recursion`: we would ask others.
std::size_t write_reply(const Query& query, const Reply& reply, bool recursion, std::size_t limit,
                        std::span<std::byte> out);

/// A query for an upstream.
std::vector<std::byte> make_query(std::uint16_t id, const Query& query);

/// True if an upstream has sent this to answer `question` with the id.
bool is_answer_to(Message question, std::uint16_t id, Message message);

/// True if it says that there is more, over TCP.
bool is_truncated(Message message);

/// What an upstream has sent, as it is to be kept; null if it is broken.
AnswerPtr parse_answer(Message message);
