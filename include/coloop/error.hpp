// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string_view>
#include <system_error>

#include <coloop/export.hpp>

namespace coloop {

/// What can go wrong that no operating system has a number for.
enum class Errc {
    end_of_stream = 1,  ///< the peer ended the stream before all that was asked for had come
    cancelled,          ///< the caller was cancelled; the throwing forms throw Cancelled instead
    closed,             ///< the object is closed, perhaps by another coroutine meanwhile
    timed_out,          ///< a deadline passed; the throwing forms throw TimedOut instead
    broken,             ///< one of those who must meet was cancelled, so they never will
    too_long,           ///< what the peer sends goes beyond a limit that the caller has set
};

/// The category of Errc. Its codes compare equal to the std::errc that comes nearest, so that
/// `code == std::errc::operation_canceled` works.
[[nodiscard]] COLOOP_EXPORT const std::error_category& coloop_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), coloop_category()};
}

/// The world said no: refused, reset, not found, no memory.
///
/// `code()` compares with std::errc whatever the system; `what()` names the operation, the object
/// and the reason: "connect 127.0.0.1:7000: connection refused".
class COLOOP_EXPORT Error : public std::system_error {
public:
    /// `operation` is a verb, `object` what it was done to; both may be empty.
    Error(std::error_code code, std::string_view operation, std::string_view object = {});

    /// Throws this error in the form that callers of the throwing functions expect: Cancelled,
    /// TimedOut or EndOfStream where the code says so, otherwise a copy of this Error.
    [[noreturn]] void raise() const;
};

/// The peer ended the stream in the middle of what was asked for, as in read_exactly().
class COLOOP_EXPORT EndOfStream : public Error {
public:
    using Error::Error;

    explicit EndOfStream(const Error& error) : Error(error) {}
};

/// A deadline passed: see with_timeout().
class COLOOP_EXPORT TimedOut : public Error {
public:
    using Error::Error;

    explicit TimedOut(const Error& error) : Error(error) {}
};

/// Thrown by every wait inside a cancelled scope, and by the next one, until the scope is left.
///
/// Not derived from std::exception, so that a handler which logs and goes on cannot swallow it.
/// Let it pass, or catch it to clean up and rethrow it.
class COLOOP_EXPORT Cancelled {};

/// Prints one line to standard error that says what failed.
COLOOP_EXPORT void print_failure(const std::exception_ptr& failure) noexcept;

}  // namespace coloop

template <>
struct std::is_error_code_enum<coloop::Errc> : std::true_type {};
