// SPDX-License-Identifier: MIT
//
// What is taken from an upstream, and for how long.
#include <algorithm>
#include <limits>

#include "bytes.hpp"
#include "ldns.hpp"
#include "message.hpp"

namespace {

constexpr std::uint32_t longest = 24 * 60 * 60;  // seconds that anything is kept
constexpr std::uint32_t longest_negative = 3 * 60 * 60;

/// True if ldns can read all of it: no pointer in a circle, no record that is none.
bool is_sound(Message message) {
    ldns_pkt* packet = nullptr;
    const ldns_status status = ldns_wire2pkt(
        &packet, reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
    ldns_pkt_free(packet);
    return status == LDNS_STATUS_OK;
}

/// How long the records may be kept; notes where their TTLs stand. RFC 2308: that there is
/// something not holds for as long as the zone's SOA says.
void read_ttls(Answer& answer, std::size_t at, std::size_t answers, std::size_t count) {
    const bool no_name = (get16(answer.wire, 2) & 15) != 0;
    bool has_soa = false;
    answer.ttl = longest;
    for (std::size_t i = 0; i < count; ++i) {
        const RecordView record = *read_record(answer.wire, at);
        std::uint32_t ttl = get32(answer.wire, record.ttl_at);
        ttl = ttl > std::numeric_limits<std::int32_t>::max() ? 0 : ttl;
        if (record.type == type::soa && i >= answers && record.data.size() >= 20) {
            has_soa = true;
            const std::uint32_t minimum = get32(record.data, record.data.size() - 4);
            ttl = std::min({ttl, minimum, longest_negative});
        }
        put32(answer.wire, record.ttl_at, ttl);
        answer.ttl_places.push_back(static_cast<std::uint16_t>(record.ttl_at));
        answer.ttl = std::min(answer.ttl, ttl);
        at = record.end;
    }
    if ((no_name || answers == 0) && !has_soa) {
        answer.ttl = 0;
    }
}

}  // namespace

AnswerPtr parse_answer(Message message, std::uint16_t id, Message question) {
    const std::size_t records = header_size + question.size();
    if (message.size() < records || get16(message, 0) != id ||
        (get16(message, 2) & 0xF800) != 0x8000 || get16(message, 4) != 1 ||
        !same_question(message.subspan(header_size, question.size()), question) ||
        !is_sound(message)) {
        return nullptr;
    }
    const std::size_t answers = get16(message, 6);
    const std::size_t before_more = answers + get16(message, 8);
    const std::size_t all = before_more + get16(message, 10);
    std::size_t end = records;
    std::size_t kept = 0;
    for (; kept < all; ++kept) {
        const std::optional<RecordView> record = read_record(message, end);
        if (!record) {
            return nullptr;
        }
        if (record->type == type::opt && kept >= before_more) {
            break;  // what follows EDNS is no part of the answer
        }
        end = record->end;
    }
    auto answer = std::make_shared<Answer>();
    answer->wire.assign(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(end));
    put16(answer->wire, 10, kept - before_more);
    read_ttls(*answer, records, answers, kept);
    return answer;
}
