// SPDX-License-Identifier: MIT
#pragma once

#include <new>
#include <string_view>

#include <uv.h>

#include <coloop/error.hpp>
#include <coloop/result.hpp>

namespace coloop::c_api {

/// The libuv code that comes nearest to an error's.
int code_of(const Error& error) noexcept;

/// Keeps the words for coloop_error_message(), and returns the code.
int fail(const Error& error) noexcept;
int fail(int code, std::string_view words) noexcept;

/// What `function()` returns, or the code of what it throws.
template <typename Function>
auto guarded(Function&& function) noexcept -> decltype(function()) {
    try {
        return function();
    } catch (const Cancelled&) {
        return fail(UV_ECANCELED, "the coroutine was cancelled");
    } catch (const Error& error) {
        return fail(error);
    } catch (const std::bad_alloc&) {
        return fail(UV_ENOMEM, "not enough memory");
    }
}

/// 0 or the code of the error.
template <typename T>
int status_of(const Result<T>& result) noexcept {
    return result ? 0 : fail(result.error());
}

/// Hands a value over to C, as a `Handle` that is a `T` on the heap.
template <typename T, typename Handle>
int hand_over(Result<T>&& result, Handle** handle) noexcept {
    if (!result) {
        return fail(result.error());
    }
    *handle = reinterpret_cast<Handle*>(new (std::nothrow) T(*std::move(result)));
    return *handle != nullptr ? 0 : fail(UV_ENOMEM, "not enough memory");
}

template <typename T, typename Handle>
T& object_of(Handle* handle) noexcept {
    return *reinterpret_cast<T*>(handle);
}

}  // namespace coloop::c_api
