// SPDX-License-Identifier: MIT
#include "zone.hpp"

#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "packet.hpp"

namespace {

constexpr int longest_chain = 16;  // of CNAMEs

using NamePtr = std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)>;

/// A name as a key: its wire format in small letters.
std::string key_of(const ldns_rdf* name) {
    const NamePtr small(ldns_rdf_clone(name), ldns_rdf_deep_free);
    ldns_dname2canonical(small.get());
    return {reinterpret_cast<const char*>(ldns_rdf_data(small.get())), ldns_rdf_size(small.get())};
}

std::string_view parent_of(std::string_view name) {
    return name.substr(1 + static_cast<unsigned char>(name.front()));
}

ldns_rdf* name_of(std::string_view wire) {
    return ldns_dname_new_frm_data(static_cast<std::uint16_t>(wire.size()), wire.data());
}

}  // namespace

/// An answer that is being made.
struct Zone::Draft {
    PacketPtr packet{ldns_pkt_new(), ldns_pkt_free};
    std::uint16_t type;
    bool authoritative = true;

    /// Adds records, under another name if it is not null.
    void add(ldns_pkt_section section, const Records& records,
             const ldns_rdf* name = nullptr) const {
        for (const auto& record : records) {
            ldns_rr* copy = ldns_rr_clone(record.get());
            if (name != nullptr) {
                ldns_rdf_deep_free(ldns_rr_owner(copy));
                ldns_rr_set_owner(copy, ldns_rdf_clone(name));
            }
            ldns_pkt_push_rr(packet.get(), section, copy);
        }
    }
};

Zone::Zone(const std::string& origin, const std::string& path) {
    const NamePtr name(ldns_dname_new_frm_str(origin.c_str()), ldns_rdf_deep_free);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (!name || !file) {
        throw std::runtime_error(fmt::format("zone {}: {}: {}", origin, path,
                                             name ? std::strerror(errno) : "this is no name"));
    }
    ldns_zone* zone = nullptr;
    int line = 0;
    const ldns_status status =
        ldns_zone_new_frm_fp_l(&zone, file.get(), name.get(), 3600, LDNS_RR_CLASS_IN, &line);
    if (status != LDNS_STATUS_OK) {
        throw std::runtime_error(
            fmt::format("zone {}: {}:{}: {}", origin, path, line, ldns_get_errorstr_by_id(status)));
    }
    apex_ = key_of(name.get());
    if (ldns_zone_soa(zone) != nullptr) {
        add(ldns_rr_clone(ldns_zone_soa(zone)));
    }
    while (ldns_rr* record = ldns_rr_list_pop_rr(ldns_zone_rrs(zone))) {
        add(record);
    }
    ldns_zone_deep_free(zone);
    if (!names_[apex_].contains(LDNS_RR_TYPE_SOA)) {
        throw std::runtime_error(fmt::format("zone {}: {}: there is no SOA", origin, path));
    }
}

void Zone::add(ldns_rr* record) {
    const std::shared_ptr<ldns_rr> owned(record, ldns_rr_free);
    const std::string name = key_of(ldns_rr_owner(record));
    if (!contains(name)) {
        return;
    }
    Records& records = names_[name][static_cast<std::uint16_t>(ldns_rr_get_type(record))];
    records.insert(records.begin(), owned);  // they come last first
    for (std::string_view above = name; above != apex_; above = parent_of(above)) {
        names_.try_emplace(std::string(above));  // also those that have only names below them
    }
}

bool Zone::contains(std::string_view name) const {
    while (name.size() > apex_.size()) {
        name = parent_of(name);
    }
    return name == apex_;
}

const Zone::Name* Zone::find(std::string_view name) const {
    const auto found = names_.find(std::string(name));
    return found == names_.end() ? nullptr : &found->second;
}

/// The topmost name below the zone's own, at or above `name`, that other servers are the authority
/// for; empty if we are.
std::string_view Zone::find_cut(std::string_view name) const {
    std::string_view cut;
    for (; name != apex_; name = parent_of(name)) {
        const Name* here = find(name);
        if (here != nullptr && here->contains(LDNS_RR_TYPE_NS)) {
            cut = name;
        }
    }
    return cut;
}

/// RFC 4592: only the closest name above that exists may have a wildcard for `name`.
const Zone::Name* Zone::find_wildcard(std::string_view name) const {
    do {
        name = parent_of(name);
    } while (find(name) == nullptr);
    return find("\1*" + std::string(name));
}

AnswerPtr Zone::answer(const Query& query) const {
    Draft draft{.type = query.type};
    const std::string_view wire(reinterpret_cast<const char*>(query.question.data()),
                                query.question.size() - 4);
    ldns_rr* question = ldns_rr_new();
    ldns_rr_set_question(question, true);
    ldns_rr_set_owner(question, name_of(wire));
    ldns_rr_set_type(question, static_cast<ldns_rr_type>(query.type));
    ldns_rr_set_class(question, LDNS_RR_CLASS_IN);
    ldns_pkt_push_rr(draft.packet.get(), LDNS_SECTION_QUESTION, question);
    std::string name = key_of(ldns_rr_owner(question));
    for (int links = 0; links < longest_chain && follow(draft, name); ++links) {
        const ldns_rr_list* answers = ldns_pkt_answer(draft.packet.get());
        name = key_of(ldns_rr_rdf(ldns_rr_list_rr(answers, ldns_rr_list_rr_count(answers) - 1), 0));
    }
    auto answer = std::make_shared<Answer>();
    answer->authoritative = draft.authoritative;
    answer->wire = wire_of(*draft.packet);
    return answer->wire.empty() ? nullptr : answer;
}

/// Adds what the zone says of a name; true if that is a CNAME, and its target is to be asked for.
bool Zone::follow(Draft& draft, const std::string& name) const {
    if (!contains(name)) {
        return false;  // who asks has to ask others for the rest
    }
    const std::string_view cut = find_cut(name);
    if (!cut.empty() && !(cut == name && draft.type == LDNS_RR_TYPE_DS)) {
        refer(draft, cut);
        return false;
    }
    const NamePtr owner(name_of(name), ldns_rdf_deep_free);
    const Name* records = find(name);
    const bool exists = records != nullptr;
    if (!exists) {
        records = find_wildcard(name);
    }
    if (records == nullptr) {
        ldns_pkt_set_rcode(draft.packet.get(), LDNS_RCODE_NXDOMAIN);
        deny(draft);
        return false;
    }
    const auto add = [&](std::uint16_t type) {
        const auto found = records->find(type);
        if (found != records->end()) {
            draft.add(LDNS_SECTION_ANSWER, found->second, exists ? nullptr : owner.get());
        }
        return found != records->end();
    };
    if (draft.type != LDNS_RR_TYPE_CNAME && add(LDNS_RR_TYPE_CNAME)) {
        return true;
    }
    if (!add(draft.type)) {
        deny(draft);
    }
    return false;
}

/// Says who knows more, and where they are if they are below the cut.
void Zone::refer(Draft& draft, std::string_view cut) const {
    draft.authoritative = ldns_pkt_ancount(draft.packet.get()) > 0;  // a CNAME that led there
    const Records& servers = find(cut)->at(LDNS_RR_TYPE_NS);
    draft.add(LDNS_SECTION_AUTHORITY, servers);
    for (const auto& server : servers) {
        const Name* glue = find(key_of(ldns_rr_rdf(server.get(), 0)));
        for (const auto kind : {std::uint16_t{LDNS_RR_TYPE_A}, std::uint16_t{LDNS_RR_TYPE_AAAA}}) {
            if (glue != nullptr && glue->contains(kind)) {
                draft.add(LDNS_SECTION_ADDITIONAL, glue->at(kind));
            }
        }
    }
}

/// Adds the SOA, which says for how long one may believe that there is nothing (RFC 2308).
void Zone::deny(Draft& draft) const {
    ldns_rr* soa = ldns_rr_clone(names_.at(apex_).at(LDNS_RR_TYPE_SOA).front().get());
    ldns_rr_set_ttl(soa, negative_ttl(soa));
    ldns_pkt_push_rr(draft.packet.get(), LDNS_SECTION_AUTHORITY, soa);
}
