// SPDX-License-Identifier: MIT
#include "message.hpp"

#include <algorithm>

#include "bytes.hpp"

namespace {

constexpr std::size_t edns_size = 11;
constexpr std::uint16_t is_answer = 0x8000, authoritative = 0x0400, truncated = 0x0200,
                        recursion_available = 0x0080, asked = 0x0110;  // RD and CD are repeated

std::uint16_t opcode_of(std::uint16_t flags) { return flags >> 11 & 15; }

/// False if the options do not fill the record. What they say is not looked at.
bool are_options(Message data) {
    while (data.size() >= 4) {
        const std::size_t size = 4 + std::size_t{get16(data, 2)};
        if (size > data.size()) {
            return false;
        }
        data = data.subspan(size);
    }
    return data.empty();
}

Rcode read_edns(const RecordView& record, Message message, Query& query) {
    if (query.has_edns || record.ttl_at != record.begin + 5 || !are_options(record.data)) {
        return Rcode::format_error;  // twice, not with the root's name, or broken
    }
    query.has_edns = true;
    query.payload = std::max<std::uint16_t>(get16(message, record.ttl_at - 2), 512);
    const std::uint32_t bits = get32(message, record.ttl_at);
    query.dnssec_ok = (bits & 0x8000) != 0;
    return (bits >> 16 & 0xFF) == 0 ? Rcode::no_error : Rcode::bad_version;
}

Rcode read_query(Message message, Query& query) {
    if (opcode_of(query.flags) != 0) {
        return Rcode::not_implemented;
    }
    const std::optional<std::size_t> name_end = skip_name(message, header_size, false);
    if (get16(message, 4) != 1 || !name_end || *name_end + 4 > message.size()) {
        return Rcode::format_error;
    }
    query.question = message.subspan(header_size, *name_end + 4 - header_size);
    query.type = get16(message, *name_end);
    query.record_class = get16(message, *name_end + 2);
    const std::size_t before_edns = std::size_t{get16(message, 6)} + get16(message, 8);
    const std::size_t count = before_edns + get16(message, 10);
    std::size_t at = *name_end + 4;
    Rcode fault = Rcode::no_error;
    for (std::size_t i = 0; i < count && fault != Rcode::format_error; ++i) {
        const std::optional<RecordView> record = read_record(message, at);
        if (!record) {
            return Rcode::format_error;
        }
        if (record->type == type::opt && i >= before_edns) {
            fault = read_edns(*record, message, query);
        }
        at = record->end;
    }
    return fault;
}

/// Appends EDNS if the query had it; `at` is where the answer ends so far.
std::size_t add_edns(const Query& query, std::uint16_t code, std::span<std::byte> out,
                     std::size_t at) {
    if (!query.has_edns) {
        return at;
    }
    out[at] = std::byte{0};  // the root
    put16(out, at + 1, type::opt);
    put16(out, at + 3, payload_size);
    put32(out, at + 5, std::uint32_t{code} >> 4 << 24 | (query.dnssec_ok ? 0x8000U : 0U));
    put16(out, at + 9, 0);
    put16(out, 10, get16(out, 10) + 1U);
    return at + edns_size;
}

std::size_t write_empty(const Query& query, std::uint16_t flags, std::uint16_t code,
                        std::span<std::byte> out) {
    std::ranges::fill(out.first(header_size), std::byte{0});
    put16(out, 0, query.id);
    put16(out, 2, is_answer | (query.flags & (asked | 0x7800U)) | flags | (code & 15U));
    put16(out, 4, query.question.empty() ? 0 : 1);
    std::ranges::copy(query.question, out.subspan(header_size).begin());
    return add_edns(query, code, out, header_size + query.question.size());
}

}  // namespace

std::string Query::key() const {
    std::string key;
    key.reserve(question.size() + 1);
    for (const std::byte byte : question) {
        key.push_back(static_cast<char>(folded(byte)));
    }
    key.push_back(static_cast<char>((dnssec_ok ? 1 : 0) + (checking_disabled() ? 2 : 0)));
    return key;
}

std::optional<Query> parse_query(Message message) {
    if (message.size() < header_size || (get16(message, 2) & is_answer) != 0) {
        return std::nullopt;
    }
    Query query{.id = get16(message, 0), .flags = get16(message, 2)};
    query.fault = read_query(message, query);
    return query;
}

bool same_question(Message one, Message other) {
    return std::ranges::equal(one, other, {}, folded, folded);
}

bool is_truncated(Message message) { return (get16(message, 2) & truncated) != 0; }

std::vector<std::byte> make_query(std::uint16_t id, const Query& query) {
    std::vector<std::byte> message(header_size + query.question.size() + edns_size);
    put16(message, 0, id);
    put16(message, 2, 0x0100U | (query.flags & 0x0010U));
    put16(message, 4, 1);
    std::ranges::copy(query.question, message.begin() + header_size);
    Query with_edns = query;
    with_edns.has_edns = true;
    add_edns(with_edns, 0, message, header_size + query.question.size());
    return message;
}

std::size_t write_answer(const Query& query, const Answer& answer, std::uint32_t age,
                         bool recursion, std::size_t limit, std::span<std::byte> out) {
    const auto flags = static_cast<std::uint16_t>((recursion ? recursion_available : 0) |
                                                  (answer.authoritative ? authoritative : 0));
    const std::uint16_t code = get16(answer.wire, 2) & 15;
    if (answer.wire.size() + (query.has_edns ? edns_size : 0) > limit) {
        return write_empty(query, flags | truncated, code, out);
    }
    std::ranges::copy(answer.wire, out.begin());
    put16(out, 0, query.id);
    put16(out, 2, is_answer | (query.flags & asked) | flags | code);
    std::ranges::copy(query.question, out.subspan(header_size).begin());  // in its own letters
    if (!answer.authoritative) {
        for (const std::uint16_t at : answer.ttl_places) {
            const std::uint32_t ttl = get32(out, at);
            put32(out, at, ttl > age ? ttl - age : 0);
        }
    }
    return add_edns(query, code, out, answer.wire.size());
}

std::size_t write_error(const Query& query, Rcode code, bool recursion, std::span<std::byte> out) {
    return write_empty(query, recursion ? recursion_available : 0, static_cast<std::uint16_t>(code),
                       out);
}
