// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include <coloop/error.hpp>

namespace coloop {

/// A value or the Error that took its place: what the std::nothrow forms return.
///
/// The members are those of std::expected that such callers need. Reading the value of a failed
/// result through `*` or `->` is undefined, as there.
template <typename T>
class [[nodiscard]] Result {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): return sites read as what they return
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}

    // NOLINTNEXTLINE(google-explicit-constructor): return sites read as what they return
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }

    explicit operator bool() const noexcept { return has_value(); }

    T& operator*() & noexcept { return *std::get_if<0>(&content_); }

    const T& operator*() const& noexcept { return *std::get_if<0>(&content_); }

    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&content_)); }

    T* operator->() noexcept { return std::get_if<0>(&content_); }

    const T* operator->() const noexcept { return std::get_if<0>(&content_); }

    /// The value; throws the error in the form of Error::raise() if there is none.
    T& value() & {
        require();
        return **this;
    }

    [[nodiscard]] const T& value() const& {
        require();
        return **this;
    }

    T&& value() && {
        require();
        return std::move(**this);
    }

    /// The error; must not be called if there is a value.
    [[nodiscard]] const Error& error() const noexcept { return *std::get_if<1>(&content_); }

private:
    void require() const {
        if (!has_value()) {
            error().raise();
        }
    }

    std::variant<T, Error> content_;
};

/// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;

    // NOLINTNEXTLINE(google-explicit-constructor): return sites read as what they return
    Result(Error error) : error_(std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return !error_; }

    explicit operator bool() const noexcept { return has_value(); }

    /// Throws the error in the form of Error::raise() if there is one.
    void value() const {
        if (error_) {
            error_->raise();
        }
    }

    [[nodiscard]] const Error& error() const noexcept { return *error_; }

private:
    std::optional<Error> error_;
};

}  // namespace coloop
