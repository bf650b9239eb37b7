// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <new>
#include <string>

#include <coloop/channel.hpp>

#include "support/cancellable.hpp"

namespace coloop {

/// Receives until the channel ends, and writes down each value.
inline auto reader(Channel<int>& channel, std::string& seen) {
    return std::make_unique<Cancellable>([&] {
        for (const int value : channel) {
            seen += std::to_string(value);
        }
        seen += '.';
    });
}

/// Sends one value, and then writes it down.
inline auto sender(Channel<int>& channel, std::string& sent, int value) {
    return std::make_unique<Cancellable>([&channel, &sent, value] {
        const Result<void> result = channel.send(int{value}, std::nothrow);
        if (result) {
            sent += std::to_string(value);
        } else {
            sent += result.error().code() == Errc::closed ? '!' : '?';
        }
    });
}

}  // namespace coloop
