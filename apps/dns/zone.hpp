// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "message.hpp"

/// A zone that we are the authority for, from a file in the format of RFC 1035.
class Zone {
public:
    /// Throws std::runtime_error with the place of what is wrong.
    Zone(const std::string& origin, const std::string& path);

    /// True if the name is the zone's or below it.
    [[nodiscard]] bool contains(const ldns_rdf* name) const;

    /// How many labels the zone's name has.
    [[nodiscard]] int depth() const { return ldns_dname_label_count(zone_->soa->name); }

    [[nodiscard]] bool same_name(const Zone& other) const {
        return ldns_dname_compare(zone_->soa->name, other.zone_->soa->name) == 0;
    }

    /// How many names are in it.
    [[nodiscard]] std::size_t size() const { return zone_->names->count; }

    /// Null if it would be longer than a message can be.
    [[nodiscard]] AnswerPtr answer(const ldns_rdf* name, ldns_rr_type type) const;

private:
    /// A name in the zone; null if there is none.
    struct Place {
        const ldns_dnssec_name* name;
        bool is_cut;  ///< other servers are the authority for what is there and below
    };

    [[nodiscard]] Place descend(const ldns_rdf* name, ldns_rr_type type) const;
    const ldns_rdf* follow(ldns_pkt* packet, const ldns_rdf* name, ldns_rr_type type) const;
    void refer(ldns_pkt* packet, const ldns_dnssec_name* cut) const;
    void deny(ldns_pkt* packet) const;

    std::unique_ptr<ldns_dnssec_zone, decltype(&ldns_dnssec_zone_deep_free)> zone_{
        nullptr, ldns_dnssec_zone_deep_free};
};
