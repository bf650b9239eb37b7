// SPDX-License-Identifier: MIT
#include "users.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

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

/// Takes as long for a near miss as for a far one, so that guessing letter by letter is no use.
bool same_secret(std::string_view left, std::string_view right) noexcept {
    unsigned difference = left.size() == right.size() ? 0 : 1;
    for (std::size_t i = 0; i < right.size(); ++i) {
        const char other = i < left.size() ? left[i] : '\0';
        difference |= static_cast<unsigned char>(other ^ right[i]);
    }
    return difference == 0;
}

constexpr std::string_view basic = "basic ";

bool is_basic(std::string_view authorization) noexcept {
    return authorization.size() > basic.size() &&
           std::equal(basic.begin(), basic.end(), authorization.begin(),
                      [](char left, char right) { return left == (right | ' '); });
}

}  // namespace

bool Users::add(std::string_view name_and_password) {
    constexpr std::size_t most = 255;
    const std::size_t colon = name_and_password.find(':');
    if (colon == 0 || colon > most || colon == std::string_view::npos) {
        return false;
    }
    const std::size_t rest = name_and_password.size() - colon - 1;
    if (rest == 0 || rest > most) {
        return false;
    }
    passes_.push_back({std::string(name_and_password), to_base64(name_and_password)});
    return true;
}

bool Users::accept(std::string_view name, std::string_view password) const {
    if (name.find(':') != std::string_view::npos) {
        return false;
    }
    const std::string claim = std::string(name) + ':' + std::string(password);
    bool accepted = false;
    for (const Pass& pass : passes_) {
        accepted = same_secret(claim, pass.plain) || accepted;
    }
    return accepted;
}

bool Users::accept_basic(std::string_view authorization) const {
    if (!is_basic(authorization)) {
        return false;
    }
    authorization.remove_prefix(
        std::min(authorization.find_first_not_of(' ', basic.size()), authorization.size()));
    bool accepted = false;
    for (const Pass& pass : passes_) {
        accepted = same_secret(authorization, pass.base64) || accepted;
    }
    return accepted;
}

}  // namespace proxy
