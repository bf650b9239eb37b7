// SPDX-License-Identifier: MIT
#include "zone.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace {

constexpr int longest_chain = 16;  // of CNAMEs

const ldns_dnssec_name* find(const ldns_dnssec_zone& zone, const ldns_rdf* name) {
    const ldns_rbnode_t* node = ldns_rbtree_search(zone.names, name);
    return node == nullptr ? nullptr : static_cast<const ldns_dnssec_name*>(node->data);
}

/// Adds records, if there are any; under another name if it is not null.
void add(ldns_pkt* packet, ldns_pkt_section section, const ldns_dnssec_rrsets* records,
         const ldns_rdf* name = nullptr) {
    const ldns_dnssec_rrs* one = records == nullptr ? nullptr : records->rrs;
    for (; one != nullptr; one = one->next) {
        ldns_rr* copy = ldns_rr_clone(one->rr);
        if (name != nullptr) {
            ldns_rdf_deep_free(ldns_rr_owner(copy));
            ldns_rr_set_owner(copy, ldns_rdf_clone(name));
        }
        ldns_pkt_push_rr(packet, section, copy);
    }
}

}  // namespace

Zone::Zone(const std::string& origin, const std::string& path) {
    const auto require = [&](bool holds, std::string_view complaint) {
        if (!holds) {
            throw std::runtime_error(fmt::format("zone {}: {}{}", origin, path, complaint));
        }
    };
    const NamePtr name(ldns_dname_new_frm_str(origin.c_str()), ldns_rdf_deep_free);
    require(name != nullptr, ": the zone's name is none");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    require(file != nullptr, fmt::format(": {}", std::strerror(errno)));
    ldns_dnssec_zone* zone = nullptr;
    int line = 0;
    const ldns_status status =
        ldns_dnssec_zone_new_frm_fp_l(&zone, file.get(), name.get(), 3600, LDNS_RR_CLASS_IN, &line);
    require(status == LDNS_STATUS_OK,
            fmt::format(":{}: {}", line, ldns_get_errorstr_by_id(status)));
    zone_.reset(zone);
    require(zone->soa != nullptr && ldns_dname_compare(zone->soa->name, name.get()) == 0,
            ": there is no SOA");
    ldns_dnssec_zone_add_empty_nonterminals(zone);
}

bool Zone::contains(const ldns_rdf* name) const {
    return ldns_dname_compare(name, zone_->soa->name) == 0 ||
           ldns_dname_is_subdomain(name, zone_->soa->name);
}

AnswerPtr Zone::answer(const ldns_rdf* name, ldns_rr_type type) const {
    const PacketPtr packet(ldns_pkt_query_new(ldns_rdf_clone(name), type, LDNS_RR_CLASS_IN, 0),
                           ldns_pkt_free);
    ldns_pkt_set_aa(packet.get(), true);
    for (int links = 0; name != nullptr && contains(name) && links < longest_chain; ++links) {
        name = follow(packet.get(), name, type);
    }
    return make_answer(packet.get());
}

/// Adds what the zone says of a name. Returns the name to go on with if that is a CNAME, else null.
const ldns_rdf* Zone::follow(ldns_pkt* packet, const ldns_rdf* name, ldns_rr_type type) const {
    const Place place = descend(name, type);
    if (place.is_cut) {
        refer(packet, place.name);
        return nullptr;
    }
    if (place.name == nullptr) {
        ldns_pkt_set_rcode(packet, LDNS_RCODE_NXDOMAIN);
        deny(packet);
        return nullptr;
    }
    if (const auto* alias = ldns_dnssec_name_find_rrset(place.name, LDNS_RR_TYPE_CNAME)) {
        add(packet, LDNS_SECTION_ANSWER, alias, name);
        const bool is_asked_for = type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_ANY;
        return is_asked_for ? nullptr : ldns_rr_rdf(alias->rrs->rr, 0);
    }
    const ldns_dnssec_rrsets* records = type == LDNS_RR_TYPE_ANY  // RFC 8482: any will do
                                            ? place.name->rrsets
                                            : ldns_dnssec_name_find_rrset(place.name, type);
    add(packet, LDNS_SECTION_ANSWER, records, name);
    if (records == nullptr) {
        deny(packet);
    }
    return nullptr;
}

/// Goes down from the zone's own name (RFC 1034, 4.3.2) to `name`, its wildcard, or a cut.
Zone::Place Zone::descend(const ldns_rdf* name, ldns_rr_type type) const {
    const ldns_dnssec_name* here = zone_->soa;
    for (int left = ldns_dname_label_count(name) - depth() - 1; left >= 0; --left) {
        const NamePtr next(ldns_dname_clone_from(name, static_cast<std::uint16_t>(left)),
                           ldns_rdf_deep_free);
        const ldns_dnssec_name* below = find(*zone_, next.get());
        if (below == nullptr) {  // RFC 4592: only the closest name that exists may have a wildcard
            const NamePtr star(ldns_dname_new_frm_str("*"), ldns_rdf_deep_free);
            const NamePtr wildcard(ldns_dname_cat_clone(star.get(), here->name),
                                   ldns_rdf_deep_free);
            return {find(*zone_, wildcard.get()), false};
        }
        here = below;
        const bool is_ours = left == 0 && type == LDNS_RR_TYPE_DS;  // of a cut we know only that
        if (!is_ours && ldns_dnssec_name_find_rrset(here, LDNS_RR_TYPE_NS) != nullptr) {
            return {here, true};
        }
    }
    return {here, false};
}

/// Says who knows more, and where they are if the zone knows.
void Zone::refer(ldns_pkt* packet, const ldns_dnssec_name* cut) const {
    ldns_pkt_set_aa(packet, ldns_pkt_ancount(packet) > 0);  // a CNAME that led there
    const ldns_dnssec_rrsets* servers = ldns_dnssec_name_find_rrset(cut, LDNS_RR_TYPE_NS);
    add(packet, LDNS_SECTION_AUTHORITY, servers);
    for (const ldns_dnssec_rrs* server = servers->rrs; server != nullptr; server = server->next) {
        for (const auto type : {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA}) {
            add(packet, LDNS_SECTION_ADDITIONAL,
                ldns_dnssec_zone_find_rrset(zone_.get(), ldns_rr_rdf(server->rr, 0), type));
        }
    }
}

/// Adds the SOA, which says for how long one may believe that there is nothing (RFC 2308).
void Zone::deny(ldns_pkt* packet) const {
    const auto* soa = ldns_dnssec_name_find_rrset(zone_->soa, LDNS_RR_TYPE_SOA)->rrs->rr;
    ldns_rr* copy = ldns_rr_clone(soa);
    ldns_rr_set_ttl(copy, negative_ttl(soa));
    ldns_pkt_push_rr(packet, LDNS_SECTION_AUTHORITY, copy);
}
