// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace coloop {

/// A path as functions take it: any string in UTF-8, or a std::filesystem::path.
class Path {
public:
    template <std::convertible_to<std::string_view> String>
    Path(const String& text)  // NOLINT(google-explicit-constructor): callers pass what they have
        : text_(std::string_view(text)) {}

    template <typename Native>

    requires requires(const Native& path) { path.u8string(); }

    Path(const Native& path) {  // NOLINT(google-explicit-constructor): callers pass what they have
        for (const auto character : path.u8string()) {
            text_ += static_cast<char>(character);
        }
    }

    [[nodiscard]] const std::string& string() const noexcept { return text_; }

    [[nodiscard]] const char* c_str() const noexcept { return text_.c_str(); }

private:
    std::string text_;
};

}  // namespace coloop
