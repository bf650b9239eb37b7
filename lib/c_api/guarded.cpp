// SPDX-License-Identifier: MIT
#include "c_api/guarded.hpp"

#include <string>

#include <coloop/coloop.h>
#include <coloop/uv_error.hpp>
#include <coloop/version.h>

#include "c_api/record.hpp"

namespace coloop::c_api {

namespace {

thread_local std::string message_outside;

/// Where the words of the running coroutine's failures are kept: for those that C has made each has
/// its own, all others of a thread share one.
std::string& message() noexcept {
    Coroutine* self = Coroutine::self();
    Record* record = self == nullptr ? nullptr : record_of(*self);
    return record == nullptr ? message_outside : record->message;
}

}  // namespace

int code_of(const Error& error) noexcept {
    const std::error_code code = error.code();
    if (code.category() == uv_category()) {
        return code.value();
    }
    if (code.category() == std::generic_category() || code.category() == std::system_category()) {
        return uv_translate_sys_error(code.value());
    }
    if (code == make_error_code(Errc::end_of_stream)) {
        return UV_EOF;
    }
    if (code == make_error_code(Errc::cancelled)) {
        return UV_ECANCELED;
    }
    if (code == make_error_code(Errc::closed)) {
        return UV_EBADF;
    }
    if (code == make_error_code(Errc::timed_out)) {
        return UV_ETIMEDOUT;
    }
    return UV_UNKNOWN;
}

int fail(const Error& error) noexcept { return fail(code_of(error), error.what()); }

int fail(int code, std::string_view words) noexcept {
    message() = words;
    return code;
}

}  // namespace coloop::c_api

const char* coloop_version() { return COLOOP_VERSION_STRING; }

const char* coloop_error_message() { return coloop::c_api::message().c_str(); }
