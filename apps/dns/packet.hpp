// SPDX-License-Identifier: MIT
//
// What ldns is needed for: whole messages, record by record.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ldns/ldns.h>

#undef true  // which ldns defines as numbers, for old compilers of C
#undef false
#undef bool

using PacketPtr = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

/// Null if `message` is broken: a pointer in a circle, a record that is none.
inline PacketPtr read_packet(std::span<const std::byte> message) {
    ldns_pkt* packet = nullptr;
    ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
    return {packet, ldns_pkt_free};
}

/// Empty if it would be longer than a message can be.
inline std::vector<std::byte> wire_of(const ldns_pkt& packet) {
    std::uint8_t* data = nullptr;
    std::size_t size = 0;
    std::vector<std::byte> wire;
    if (ldns_pkt2wire(&data, &packet, &size) == LDNS_STATUS_OK && size <= 65535) {
        const auto bytes = std::as_bytes(std::span(data, size));
        wire.assign(bytes.begin(), bytes.end());
    }
    LDNS_FREE(data);
    return wire;
}

/// A whole one: of updates and the like a record may be a part.
inline bool is_soa(const ldns_rr* record) {
    return ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(record) == 7;
}

/// For how long one may believe that there is nothing, by a zone's SOA (RFC 2308).
inline std::uint32_t negative_ttl(const ldns_rr* soa) {
    return std::min(ldns_rr_ttl(soa), ldns_rdf2native_int32(ldns_rr_rdf(soa, 6)));
}
