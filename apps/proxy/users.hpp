// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy {

/// Who may use the proxy. Nobody need say who he is while there are none.
class Users {
public:
    /// From "name:password". The name has no colon, and each has 1 to 255 bytes, which is what
    /// RFC 1929 has room for; returns false otherwise.
    bool add(std::string_view name_and_password);

    [[nodiscard]] bool empty() const noexcept { return passes_.empty(); }

    [[nodiscard]] bool accept(std::string_view name, std::string_view password) const;

    /// The same for the value of a Proxy-Authorization field: "Basic <base64>", RFC 7617.
    [[nodiscard]] bool accept_basic(std::string_view authorization) const;

private:
    [[nodiscard]] bool accept_pass(std::string_view claim) const;

    std::vector<std::string> passes_;  // "name:password" in base64
};

}  // namespace proxy
