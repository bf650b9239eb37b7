// SPDX-License-Identifier: MIT
//
// Who may use the proxy: "name:password" each. Nobody need say who he is while there are none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sodium.h>

namespace proxy {

/// The name of a user has no colon, and each part has 1 to 255 bytes: RFC 1929 has room for those.
inline bool is_user(std::string_view text) {
    const auto fits = [](std::size_t size) { return size >= 1 && size <= 255; };
    const std::size_t name = text.find(':');
    return name != text.npos && fits(name) && fits(text.size() - name - 1);
}

/// Takes as long for a near miss as for a far one, so that guessing letter by letter is no use.
inline bool is_among(const std::vector<std::string>& users, std::string_view claim) {
    return std::count_if(users.begin(), users.end(), [&](const std::string& user) {
               return user.size() == claim.size() &&
                      sodium_memcmp(user.data(), claim.data(), claim.size()) == 0;
           }) > 0;
}

}  // namespace proxy
