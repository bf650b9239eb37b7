// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include <coloop/byte_order.hpp>
#include <coloop/frame.hpp>

namespace coloop {

namespace {

using Length = std::uint32_t;

Error too_long(const char* operation, std::size_t limit) {
    return {Errc::too_long,
            std::string(operation) + " a frame of at most " + std::to_string(limit) + " bytes"};
}

}  // namespace

Result<void> write_frame(Writer& to, std::span<const std::byte> content,
                         std::nothrow_t tag) noexcept {
    constexpr std::size_t limit = std::numeric_limits<Length>::max();
    if (content.size() > limit) {
        return too_long("write", limit);
    }
    const auto head = store_be<Length>(static_cast<Length>(content.size()));
    const std::array<std::span<const std::byte>, 2> pieces{head, content};
    return to.write(pieces, tag);
}

Result<std::optional<std::span<const std::byte>>> read_frame(BufReader& from, std::size_t limit,
                                                             std::nothrow_t tag) noexcept {
    Result<std::span<const std::byte>> bytes = from.peek(sizeof(Length), tag);
    if (bytes && bytes->empty()) {
        return std::optional<std::span<const std::byte>>();
    }
    std::size_t whole = sizeof(Length);
    if (bytes && bytes->size() >= whole) {
        const Length length = load_be<Length>(bytes->first<sizeof(Length)>());
        if (length > limit) {
            return too_long("read", limit);
        }
        whole += length;
        bytes = from.peek(whole, tag);
    }
    if (!bytes) {
        return bytes.error();
    }
    if (bytes->size() < whole) {
        return Error(Errc::end_of_stream, "read a frame");
    }
    from.consume(whole);
    return std::optional(bytes->first(whole).subspan(sizeof(Length)));
}

}  // namespace coloop
