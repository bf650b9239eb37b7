// SPDX-License-Identifier: MIT
#include <cstdlib>

#include "message.hpp"

namespace {

constexpr std::size_t largest = 65535 - edns_size;  // bytes; each reply may have EDNS anew
constexpr std::uint32_t longest = 24 * 60 * 60;     // seconds that anything is kept
constexpr std::uint32_t longest_negative = 3 * 60 * 60;

/// Where the name at `at` ends in a message that ldns has made.
std::size_t skip_name(Message wire, std::size_t at) {
    while (wire[at] != std::byte{0} && wire[at] < std::byte{0xC0}) {
        at += 1 + std::to_integer<std::size_t>(wire[at]);
    }
    return at + (wire[at] == std::byte{0} ? 1 : 2);  // a pointer has two bytes
}

/// A whole one: of updates and the like a record may be a part.
bool is_soa(const ldns_rr* record) {
    return ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(record) == 7;
}

}  // namespace

std::uint32_t negative_ttl(const ldns_rr* soa) {
    return std::min(ldns_rr_ttl(soa), ldns_rdf2native_int32(ldns_rr_rdf(soa, 6)));
}

std::shared_ptr<Answer> make_answer(const ldns_pkt* packet) {
    std::uint8_t* data = nullptr;
    std::size_t size = 0;
    const ldns_status status = ldns_pkt2wire(&data, packet, &size);
    const std::unique_ptr<std::uint8_t, decltype(&std::free)> owner(data, std::free);
    if (status != LDNS_STATUS_OK || size > largest) {
        return nullptr;
    }
    const Message wire = std::as_bytes(std::span(data, size));
    auto answer = std::make_shared<Answer>();
    answer->code = Rcode(ldns_pkt_get_rcode(packet));
    answer->authoritative = ldns_pkt_aa(packet);
    answer->counts = {ldns_pkt_ancount(packet), ldns_pkt_nscount(packet), ldns_pkt_arcount(packet)};
    const std::size_t begin = skip_name(wire, header_size) + 4;
    std::size_t end = begin;  // what comes after the records is EDNS, which each reply has anew
    for (int left = answer->counts[0] + answer->counts[1] + answer->counts[2]; left > 0; --left) {
        const std::size_t ttl = skip_name(wire, end) + 4;
        if (!answer->authoritative) {
            answer->ttl_places.push_back(static_cast<std::uint16_t>(ttl));
        }
        end = ttl + 6 + get16(wire, ttl + 4);
    }
    answer->records.assign(wire.begin() + std::ptrdiff_t(begin),
                           wire.begin() + std::ptrdiff_t(end));
    return answer;
}

AnswerPtr parse_answer(Message message) {
    ldns_pkt* parsed = nullptr;
    ldns_wire2pkt(&parsed, reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
    const PacketPtr packet(parsed, ldns_pkt_free);
    if (!packet) {
        return nullptr;  // a pointer in a circle, a record that is none
    }
    bool may_keep =
        ldns_pkt_get_rcode(parsed) == LDNS_RCODE_NOERROR && ldns_pkt_ancount(parsed) > 0;
    std::uint32_t least = longest;
    const ldns_rr_list* const authority = ldns_pkt_authority(parsed);
    for (const ldns_rr_list* records : std::initializer_list<const ldns_rr_list*>{
             ldns_pkt_answer(parsed), authority, ldns_pkt_additional(parsed)}) {
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
            ldns_rr* const record = ldns_rr_list_rr(records, i);
            std::uint32_t ttl = ldns_rr_ttl(record) >> 31 != 0 ? 0 : ldns_rr_ttl(record);
            if (is_soa(record) && records == authority) {
                ttl = std::min({ttl, negative_ttl(record), longest_negative});
                may_keep = true;
            }
            ldns_rr_set_ttl(record, ttl);
            least = std::min(least, ttl);
        }
    }
    ldns_pkt_set_aa(parsed, false);
    const std::shared_ptr<Answer> answer = make_answer(parsed);
    if (answer) {
        answer->ttl = may_keep ? least : 0;
    }
    return answer;
}
