// SPDX-License-Identifier: MIT
#include "users.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>

#include <strings.h>

namespace proxy {

namespace {

std::string to_base64(std::string_view text) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const std::string_view group = text.substr(i, 3);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            bits = bits << 8 | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            result += j <= group.size() ? digits[bits >> (18 - 6 * j) & 63] : '=';
        }
    }
    return result;
}

}  // namespace

bool Users::add(std::string_view name_and_password) {
    constexpr std::size_t most = 255;
    const std::size_t name = name_and_password.find(':');
    const std::size_t password = name_and_password.size() - name - 1;
    if (name == name_and_password.npos || name == 0 || name > most || password == 0 ||
        password > most) {
        return false;
    }
    passes_.push_back(to_base64(name_and_password));
    return true;
}

bool Users::accept(std::string_view name, std::string_view password) const {
    return name.find(':') == name.npos &&
           accept_pass(to_base64(std::string(name) + ':' + std::string(password)));
}

bool Users::accept_basic(std::string_view authorization) const {
    constexpr std::string_view scheme = "Basic ";
    if (authorization.size() < scheme.size() ||
        strncasecmp(authorization.data(), scheme.data(), scheme.size()) != 0) {
        return false;
    }
    const std::size_t begin = authorization.find_first_not_of(' ', scheme.size());
    return begin != authorization.npos && accept_pass(authorization.substr(begin));
}

/// Takes as long for a near miss as for a far one, so that guessing letter by letter is no use.
bool Users::accept_pass(std::string_view claim) const {
    return std::count_if(passes_.begin(), passes_.end(), [&](const std::string& pass) {
               return pass.size() == claim.size() &&
                      std::inner_product(pass.begin(), pass.end(), claim.begin(), 0, std::bit_or(),
                                         std::bit_xor()) == 0;
           }) > 0;
}

}  // namespace proxy
