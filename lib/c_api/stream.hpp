// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/coloop.h>
#include <coloop/stream.hpp>

namespace coloop::c_api {

/// A stream of C can be of any kind, and is called what all kinds are.
inline Stream& stream_of(coloop_stream* stream) noexcept {
    return *reinterpret_cast<Stream*>(stream);
}

inline const Stream& stream_of(const coloop_stream* stream) noexcept {
    return *reinterpret_cast<const Stream*>(stream);
}

inline coloop_stream* handle_of(Stream* stream) noexcept {
    return reinterpret_cast<coloop_stream*>(stream);
}

}  // namespace coloop::c_api
