// SPDX-License-Identifier: MIT
#include "message.hpp"

#include "packet.hpp"

namespace {

constexpr std::size_t edns_size = 11;
constexpr std::uint32_t longest = 24 * 60 * 60;  // seconds that anything is kept
constexpr std::uint32_t longest_negative = 3 * 60 * 60;
constexpr std::uint16_t response = 0x8000, authoritative = 0x0400, truncated = 0x0200,
                        recursion_available = 0x0080, repeated = 0x7910;  // opcode, RD and CD

std::byte folded(std::byte byte) {
    return byte >= std::byte{'A'} && byte <= std::byte{'Z'} ? byte | std::byte{0x20} : byte;
}

/// Where the name at `at` ends; no value if it is broken. A pointer ends it, and is not followed.
std::optional<std::size_t> skip_name(Message message, std::size_t at, bool pointers) {
    const std::size_t begin = at;
    while (at < message.size()) {
        const auto length = std::to_integer<std::size_t>(message[at]);
        if (length == 0) {
            return at + 1 - begin <= 255 ? std::optional(at + 1) : std::nullopt;
        }
        if (length >= 0xC0 && pointers) {
            return at + 2 <= message.size() ? std::optional(at + 2) : std::nullopt;
        }
        if (length > 63) {
            return std::nullopt;
        }
        at += 1 + length;
    }
    return std::nullopt;
}

/// A resource record, as far as it concerns us.
struct RecordView {
    std::uint16_t type;
    std::size_t ttl_at;
    Message data;
    std::size_t end;
};

std::optional<RecordView> read_record(Message message, std::size_t at) {
    const std::optional<std::size_t> name_end = skip_name(message, at, true);
    if (!name_end || *name_end + 10 > message.size()) {
        return std::nullopt;
    }
    const std::size_t data = *name_end + 10;
    const std::size_t size = get16(message, *name_end + 8);
    if (data + size > message.size()) {
        return std::nullopt;
    }
    return RecordView{get16(message, *name_end), *name_end + 4, message.subspan(data, size),
                      data + size};
}

std::size_t count_records(Message message) {
    return std::size_t{get16(message, 6)} + get16(message, 8) + get16(message, 10);
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

Rcode read_edns(Message message, std::size_t at, const RecordView& record, Query& query) {
    if (query.has_edns || record.ttl_at != at + 5 || !are_options(record.data)) {
        return Rcode::format_error;  // twice, not with the root's name, or broken
    }
    query.has_edns = true;
    query.payload = std::max<std::uint16_t>(get16(message, record.ttl_at - 2), 512);
    const std::uint32_t bits = get32(message, record.ttl_at);
    query.dnssec_ok = (bits & 0x8000) != 0;
    return (bits >> 16 & 0xFF) == 0 ? Rcode::no_error : Rcode::bad_version;
}

Rcode read_query(Message message, Query& query) {
    if ((query.flags >> 11 & 15) != 0) {
        return Rcode::not_implemented;
    }
    const std::optional<std::size_t> name_end = skip_name(message, header_size, false);
    if (get16(message, 4) != 1 || !name_end || *name_end + 4 > message.size()) {
        return Rcode::format_error;
    }
    query.question = message.subspan(header_size, *name_end + 4 - header_size);
    query.type = get16(message, *name_end);
    query.record_class = get16(message, *name_end + 2);
    const std::size_t count = count_records(message);
    std::size_t at = *name_end + 4;
    Rcode fault = Rcode::no_error;
    for (std::size_t i = 0; i < count && fault != Rcode::format_error; ++i) {
        const std::optional<RecordView> record = read_record(message, at);
        if (!record) {
            return Rcode::format_error;
        }
        if (record->type == LDNS_RR_TYPE_OPT && i >= count - get16(message, 10)) {
            fault = read_edns(message, at, *record, query);
        }
        at = record->end;
    }
    return fault;
}

/// Appends EDNS; `at` is where the message ends so far.
std::size_t add_edns(Rcode code, bool dnssec_ok, std::span<std::byte> out, std::size_t at) {
    out[at] = std::byte{0};  // the root
    put16(out, at + 1, LDNS_RR_TYPE_OPT);
    put16(out, at + 3, payload_size);
    put32(out, at + 5, std::uint32_t(code) >> 4 << 24 | (dnssec_ok ? 0x8000U : 0U));
    put16(out, at + 9, 0);
    put16(out, 10, get16(out, 10) + 1U);
    return at + edns_size;
}

void count_down(std::uint32_t age, std::span<std::byte> message, std::size_t at) {
    for (std::size_t left = count_records(message); left > 0; --left) {
        const RecordView record = *read_record(message, at);
        const std::uint32_t ttl = get32(message, record.ttl_at);
        put32(message, record.ttl_at, ttl > age ? ttl - age : 0);
        at = record.end;
    }
}

}  // namespace

std::string Query::key() const {
    std::string key(question.size() + 1, static_cast<char>(flags & 0x0010));  // CD
    std::ranges::transform(question, key.begin(),
                           [](std::byte byte) { return static_cast<char>(folded(byte)); });
    key.back() |= dnssec_ok ? 1 : 0;
    return key;
}

std::optional<Query> parse_query(Message message) {
    if (message.size() < header_size || (get16(message, 2) & response) != 0) {
        return std::nullopt;
    }
    Query query{.id = get16(message, 0), .flags = get16(message, 2)};
    query.fault = read_query(message, query);
    return query;
}

std::size_t Reply::size() const {
    return (answer ? answer->wire.size() : header_size + 255 + 4) + edns_size;
}

std::size_t write_reply(const Query& query, const Reply& reply, bool recursion, std::size_t limit,
                        std::span<std::byte> out) {
    unsigned flags = response | (query.flags & repeated) | (recursion ? recursion_available : 0U);
    const std::size_t records = header_size + query.question.size();
    std::size_t end = records;
    Rcode code = reply.code;
    std::ranges::fill(out.first(header_size), std::byte{0});
    if (const Answer* answer = reply.answer.get()) {
        code = code_of(answer->wire);
        flags |= answer->authoritative ? authoritative : 0U;
        if (answer->wire.size() + (query.has_edns ? edns_size : 0) > limit) {
            flags |= truncated;
        } else {
            std::ranges::copy(answer->wire, out.begin());
            end = answer->wire.size();
        }
        if (end > records && !answer->authoritative) {
            count_down(reply.age, out.first(end), records);
        }
    }
    put16(out, 0, query.id);
    put16(out, 2, flags | (unsigned(code) & 15U));
    put16(out, 4, query.question.empty() ? 0 : 1);
    std::ranges::copy(query.question, out.subspan(header_size).begin());  // in its own letters
    return query.has_edns ? add_edns(code, query.dnssec_ok, out, end) : end;
}

std::vector<std::byte> make_query(std::uint16_t id, const Query& query) {
    std::vector<std::byte> message(header_size + query.question.size() + edns_size);
    put16(message, 0, id);
    put16(message, 2, 0x0100U | (query.flags & 0x0010U));  // RD and CD
    put16(message, 4, 1);
    std::ranges::copy(query.question, message.begin() + header_size);
    add_edns(Rcode::no_error, query.dnssec_ok, message, header_size + query.question.size());
    return message;
}

bool is_answer_to(Message question, std::uint16_t id, Message message) {
    return message.size() >= header_size + question.size() && get16(message, 0) == id &&
           (get16(message, 2) & 0xF800) == response && get16(message, 4) == 1 &&
           std::ranges::equal(message.subspan(header_size, question.size()), question, {}, folded,
                              folded);
}

bool is_truncated(Message message) { return (get16(message, 2) & truncated) != 0; }

AnswerPtr parse_answer(Message message) {
    const PacketPtr packet = read_packet(message);
    if (!packet) {
        return nullptr;
    }
    const PacketPtr kept(ldns_pkt_new(), ldns_pkt_free);  // what follows below, and nothing else
    ldns_pkt_set_rcode(kept.get(), ldns_pkt_get_rcode(packet.get()));
    auto answer = std::make_shared<Answer>();
    answer->ttl = longest;
    bool may_keep = code_of(message) == Rcode::no_error && ldns_pkt_ancount(packet.get()) > 0;
    for (const auto section : {LDNS_SECTION_QUESTION, LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY,
                               LDNS_SECTION_ADDITIONAL}) {
        ldns_rr_list* const records = ldns_pkt_get_section_clone(packet.get(), section);
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
            ldns_rr* const record = ldns_rr_list_rr(records, i);  // whose order may matter
            ldns_pkt_push_rr(kept.get(), section, record);
            if (section == LDNS_SECTION_QUESTION) {
                continue;
            }
            std::uint32_t ttl = ldns_rr_ttl(record) >> 31 != 0 ? 0 : ldns_rr_ttl(record);
            if (is_soa(record) && section != LDNS_SECTION_ANSWER) {
                ttl = std::min({ttl, negative_ttl(record), longest_negative});
                may_keep = true;
            }
            ldns_rr_set_ttl(record, ttl);
            answer->ttl = std::min(answer->ttl, ttl);
        }
        ldns_rr_list_free(records);
    }
    answer->ttl = may_keep ? answer->ttl : 0;
    answer->wire = wire_of(*kept);
    return answer->wire.empty() ? nullptr : answer;
}
