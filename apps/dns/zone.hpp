// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "message.hpp"

struct ldns_struct_rr;

/// A zone that we are the authority for, from a file in the format of RFC 1035.
class Zone {
public:
    /// Throws std::runtime_error with the place of what is wrong.
    Zone(const std::string& origin, const std::string& path);

    /// True if the name, in wire format and small letters, is the zone's or below it.
    [[nodiscard]] bool contains(std::string_view name) const;

    [[nodiscard]] bool is_below(const Zone& other) const { return other.contains(apex_); }

    /// Null if it would be longer than a message can be.
    [[nodiscard]] AnswerPtr answer(const Query& query) const;

    [[nodiscard]] std::size_t size() const { return names_.size(); }

private:
    using Records = std::vector<std::shared_ptr<ldns_struct_rr>>;
    using Name = std::map<std::uint16_t, Records>;  // records by type; empty if only names below
    struct Draft;

    void add(ldns_struct_rr* record);
    bool follow(Draft& draft, const std::string& name) const;
    [[nodiscard]] const Name* find(std::string_view name) const;
    [[nodiscard]] std::string_view find_cut(std::string_view name) const;
    [[nodiscard]] const Name* find_wildcard(std::string_view name) const;
    void refer(Draft& draft, std::string_view cut) const;
    void deny(Draft& draft) const;

    std::string apex_;
    std::unordered_map<std::string, Name> names_;
};
