// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <sodium.h>

namespace common {

/// SipHash with a key that is drawn at the start, for tables whose keys clients choose: nobody can
/// choose keys that all fall into one bucket. As it is not noexcept, tables keep what it returned.
struct KeyedHash {
    std::size_t operator()(std::string_view text) const {
        static const auto key = [] {
            std::array<unsigned char, crypto_shorthash_KEYBYTES> drawn;
            crypto_shorthash_keygen(drawn.data());
            return drawn;
        }();
        std::size_t hash = 0;
        static_assert(sizeof hash == crypto_shorthash_BYTES);
        crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                         key.data());
        return hash;
    }
};

}  // namespace common
