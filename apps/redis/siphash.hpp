// SPDX-License-Identifier: MIT
//
// SipHash-1-2 with a key that is drawn at the start: nobody can choose keys that all fall into one
// bucket.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <coloop/random.hpp>

namespace redis {

class SipHash {
public:
    /// To be called before there are any tables, in a coroutine.
    void draw_key() { coloop::fill_random(std::as_writable_bytes(std::span(key_))); }

    std::uint64_t operator()(std::string_view text) const {
        State state{key_[0] ^ 0x736f6d6570736575U, key_[1] ^ 0x646f72616e646f6dU,
                    key_[0] ^ 0x6c7967656e657261U, key_[1] ^ 0x7465646279746573U};
        const std::uint64_t length = text.size();
        while (text.size() >= sizeof(std::uint64_t)) {
            state.add(word(text.substr(0, sizeof(std::uint64_t))));
            text.remove_prefix(sizeof(std::uint64_t));
        }
        state.add(word(text) | length << 56U);
        state.c ^= 0xff;
        state.round();
        state.round();
        return state.a ^ state.b ^ state.c ^ state.d;
    }

private:
    struct State {
        std::uint64_t a, b, c, d;

        void add(std::uint64_t block) {
            d ^= block;
            round();
            a ^= block;
        }

        void round() {
            a += b;
            c += d;
            b = std::rotl(b, 13) ^ a;
            d = std::rotl(d, 16) ^ c;
            a = std::rotl(a, 32);
            c += b;
            a += d;
            b = std::rotl(b, 17) ^ c;
            d = std::rotl(d, 21) ^ a;
            c = std::rotl(c, 32);
        }
    };

    static std::uint64_t word(std::string_view bytes) {
        std::uint64_t value = 0;
        if (!bytes.empty()) {
            std::memcpy(&value, bytes.data(), bytes.size());
        }
        return value;
    }

    std::array<std::uint64_t, 2> key_{};
};

inline SipHash siphash;

}  // namespace redis
