// SPDX-License-Identifier: MIT
//
// Messages of DNS (RFC 1035, 6891). What each query and reply needs is done by hand (message.cpp);
// ldns takes whole messages to pieces and makes them, record by record (packet.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ldns/ldns.h>

#include <coloop/byte_order.hpp>

#undef true  // which ldns defines as numbers, for old compilers of C
#undef false
#undef bool

using Message = std::span<const std::byte>;

inline std::uint16_t get16(Message message, std::size_t at) {
    return coloop::load_be<std::uint16_t>(message.subspan(at).first<2>());
}

inline void put16(std::span<std::byte> message, std::size_t at, std::size_t value) {
    std::ranges::copy(coloop::store_be<std::uint16_t>(static_cast<std::uint16_t>(value)),
                      message.subspan(at).begin());
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

constexpr std::size_t header_size = 12;
constexpr std::size_t edns_size = 11;

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

    /// Puts the question into `key`, with a small-lettered name, and what else makes the answer
    /// another one.
    void put_key(std::string& key) const;
};

/// No value if it is not even worth an answer: too short, or an answer itself.
std::optional<Query> parse_query(Message message);

/// What is to be said to a question, without what depends on who asks.
struct Answer {
    Rcode code = Rcode::no_error;
    bool authoritative = false;             ///< from a zone of ours: its TTLs do not count down
    std::uint32_t ttl = 0;                  ///< seconds for which it may be kept, if not
    std::array<std::uint16_t, 3> counts{};  ///< of records in each section
    std::vector<std::byte> records = {};    ///< as they follow the question, without EDNS
    std::vector<std::uint16_t> ttl_places = {};  ///< where the message has their TTLs
};

using AnswerPtr = std::shared_ptr<const Answer>;

/// Bytes that a reply takes, if there is no limit.
std::size_t reply_size(const Query& query, const Answer& answer);

/// Writes the reply for who asks into `out`, with TTLs of `age` seconds later, and returns its
/// size. What has no room is left out, and the reply says so. `recursion`: others would be asked.
std::size_t write_reply(const Query& query, const Answer& answer, std::uint32_t age, bool recursion,
                        std::span<std::byte> out);

/// A query for an upstream, and whether a message from there belongs to it, and is all there is.
std::vector<std::byte> make_query(std::uint16_t id, std::string_view key);
bool is_answer_to(Message query, Message message);
bool is_truncated(Message message);

/// What an upstream has sent, as it is to be kept; null if it is broken.
AnswerPtr parse_answer(Message message);

using PacketPtr = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;
using NamePtr = std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)>;

/// What is kept of a packet; null if it would be longer than a message can be.
std::shared_ptr<Answer> make_answer(const ldns_pkt* packet);

/// For how long one may believe that there is nothing, by a zone's SOA (RFC 2308).
std::uint32_t negative_ttl(const ldns_rr* soa);
