// SPDX-License-Identifier: MIT
#include "message.hpp"

namespace {

constexpr unsigned response = 0x8000, authoritative = 0x0400, truncated = 0x0200,
                   recursion_desired = 0x0100, recursion_available = 0x0080,
                   checking_disabled = 0x0010, opcode = 0x7800, dnssec_ok = 0x8000;

char folded(std::byte byte) {
    const auto letter = std::to_integer<unsigned char>(byte);
    return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter);
}

/// How many bytes the name has that `message` begins with; no value if it is broken. A query has
/// no name that it could point to.
std::optional<std::size_t> size_of_name(Message message) {
    const std::size_t most = std::min<std::size_t>(message.size(), 255);
    for (std::size_t end = 0; end < most;) {
        const auto length = std::to_integer<std::size_t>(message[end]);
        end += 1 + length;
        if (length == 0) {
            return end;
        }
        if (length > 63) {
            break;
        }
    }
    return std::nullopt;
}

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

Rcode read_edns(Message record, Query& query) {
    if (record.size() < edns_size || record[0] != std::byte{0} ||
        get16(record, 1) != LDNS_RR_TYPE_OPT || record.size() < edns_size + get16(record, 9) ||
        !are_options(record.subspan(edns_size, get16(record, 9)))) {
        return Rcode::format_error;
    }
    query.has_edns = true;
    query.payload = std::max<std::uint16_t>(get16(record, 3), 512);
    query.dnssec_ok = (get16(record, 7) & dnssec_ok) != 0;
    return record[6] == std::byte{0} ? Rcode::no_error : Rcode::bad_version;
}

Rcode read_query(Message message, Query& query) {
    if ((query.flags & opcode) != 0) {
        return Rcode::not_implemented;
    }
    const Message body = message.subspan(header_size);
    const std::optional<std::size_t> name = size_of_name(body);
    if (get16(message, 4) != 1 || !name || body.size() < *name + 4) {
        return Rcode::format_error;
    }
    query.question = body.first(*name + 4);
    query.type = get16(body, *name);
    query.record_class = get16(body, *name + 2);
    const std::uint16_t more = get16(message, 10);
    if (get16(message, 6) != 0 || get16(message, 8) != 0 || more > 1) {
        return Rcode::format_error;  // a query has one question, and EDNS at the most
    }
    return more == 0 ? Rcode::no_error : read_edns(body.subspan(*name + 4), query);
}

/// Writes EDNS at `at`, and returns where it ends.
std::size_t write_edns(Rcode code, bool wants_dnssec, std::span<std::byte> out, std::size_t at) {
    out[at] = std::byte{0};  // the root
    put16(out, at + 1, LDNS_RR_TYPE_OPT);
    put16(out, at + 3, payload_size);
    put16(out, at + 5, unsigned(code) >> 4 << 8);
    put16(out, at + 7, wants_dnssec ? dnssec_ok : 0);
    put16(out, at + 9, 0);
    put16(out, 10, get16(out, 10) + 1U);
    return at + edns_size;
}

/// Writes header and question, and returns where they end.
std::size_t begin_message(std::uint16_t id, unsigned flags, Message question,
                          std::span<std::byte> out) {
    std::ranges::fill(out.first(header_size), std::byte{0});
    put16(out, 0, id);
    put16(out, 2, flags);
    put16(out, 4, question.empty() ? 0 : 1);
    std::ranges::copy(question, out.subspan(header_size).begin());
    return header_size + question.size();
}

}  // namespace

void Query::put_key(std::string& key) const {
    key.resize(question.size() + 1);
    std::ranges::transform(question, key.begin(), folded);
    key.back() = static_cast<char>((flags & checking_disabled) | (dnssec_ok ? 1U : 0U));
}

std::optional<Query> parse_query(Message message) {
    if (message.size() < header_size || (get16(message, 2) & response) != 0) {
        return std::nullopt;
    }
    Query query{.id = get16(message, 0), .flags = get16(message, 2)};
    query.fault = read_query(message, query);
    return query;
}

std::size_t reply_size(const Query& query, const Answer& answer) {
    return header_size + query.question.size() + answer.records.size() +
           (query.has_edns ? edns_size : 0);
}

std::size_t write_reply(const Query& query, const Answer& answer, std::uint32_t age, bool recursion,
                        std::span<std::byte> out) {
    const bool has_room = reply_size(query, answer) <= out.size();
    const unsigned flags = response |
                           (query.flags & (opcode | recursion_desired | checking_disabled)) |
                           (answer.authoritative ? authoritative : 0) | (has_room ? 0 : truncated) |
                           (recursion ? recursion_available : 0) | (unsigned(answer.code) & 15U);
    std::size_t end = begin_message(query.id, flags, query.question, out);
    if (has_room) {
        std::ranges::copy(answer.records, out.subspan(end).begin());
        end += answer.records.size();
        for (std::size_t i = 0; i < answer.counts.size(); ++i) {
            put16(out, 6 + 2 * i, answer.counts[i]);
        }
        for (const std::uint16_t place : answer.ttl_places) {
            const auto ttl = coloop::load_be<std::uint32_t>(out.subspan(place).first<4>());
            const auto left = coloop::store_be<std::uint32_t>(ttl - std::min(ttl, age));
            std::ranges::copy(left, out.subspan(place).begin());
        }
    }
    return query.has_edns ? write_edns(answer.code, query.dnssec_ok, out, end) : end;
}

std::vector<std::byte> make_query(std::uint16_t id, std::string_view key) {
    const Message question = std::as_bytes(std::span(key)).first(key.size() - 1);
    const auto flags = static_cast<unsigned char>(key.back());
    std::vector<std::byte> message(header_size + question.size() + edns_size);
    const std::size_t end =
        begin_message(id, recursion_desired | (flags & checking_disabled), question, message);
    write_edns(Rcode::no_error, (flags & 1) != 0, message, end);
    return message;
}

bool is_answer_to(Message query, Message message) {
    const Message question = query.subspan(header_size, query.size() - header_size - edns_size);
    return message.size() >= header_size + question.size() &&
           get16(message, 0) == get16(query, 0) &&
           (get16(message, 2) & (response | opcode)) == response && get16(message, 4) == 1 &&
           std::ranges::equal(message.subspan(header_size, question.size()), question, {}, folded,
                              folded);
}

bool is_truncated(Message message) { return (get16(message, 2) & truncated) != 0; }
