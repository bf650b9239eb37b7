// SPDX-License-Identifier: MIT
#include <cstdio>
#include <string>

#include <coloop/error.hpp>

namespace coloop {

namespace {

class Category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "coloop"; }

    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::end_of_stream:
                return "end of stream";
            case Errc::cancelled:
                return "cancelled";
            case Errc::closed:
                return "closed";
            case Errc::timed_out:
                return "timed out";
            case Errc::broken:
                return "broken by a participant that was cancelled";
            case Errc::too_long:
                return "longer than allowed";
        }
        return "unknown error " + std::to_string(value);
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<Errc>(value)) {
            case Errc::end_of_stream:
                break;
            case Errc::cancelled:
                return std::errc::operation_canceled;
            case Errc::closed:
                return std::errc::bad_file_descriptor;
            case Errc::timed_out:
                return std::errc::timed_out;
            case Errc::broken:
                return std::errc::state_not_recoverable;
            case Errc::too_long:
                return std::errc::message_size;
        }
        return {value, *this};
    }
};

/// A std::system_error puts a colon between its text and the reason even if there is no text.
std::system_error make(std::error_code code, std::string_view operation, std::string_view object) {
    std::string text(operation);
    if (!operation.empty() && !object.empty()) {
        text += ' ';
    }
    text += object;
    return text.empty() ? std::system_error(code) : std::system_error(code, text);
}

}  // namespace

const std::error_category& coloop_category() noexcept {
    static const Category category;
    return category;
}

Error::Error(std::error_code code, std::string_view operation, std::string_view object)
    : std::system_error(make(code, operation, object)) {}

void Error::raise() const {
    if (code() == Errc::cancelled) {
        throw Cancelled();
    }
    if (code() == Errc::timed_out) {
        throw TimedOut(*this);
    }
    if (code() == Errc::end_of_stream) {
        throw EndOfStream(*this);
    }
    throw *this;
}

void print_failure(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    } catch (...) {
        std::fputs("failed with an exception that is not a std::exception\n", stderr);
    }
}

}  // namespace coloop
