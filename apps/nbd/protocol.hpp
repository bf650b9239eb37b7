// SPDX-License-Identifier: MIT
//
// The numbers of the NBD protocol, as doc/proto.md of the project NetworkBlockDevice has them.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace nbd {

inline constexpr std::uint64_t greeting_magic = 0x4e42444d41474943;  // "NBDMAGIC"
inline constexpr std::uint64_t option_magic = 0x49484156454f5054;    // "IHAVEOPT"
inline constexpr std::uint64_t option_reply_magic = 0x3e889045565a9;
inline constexpr std::uint32_t request_magic = 0x25609513;
inline constexpr std::uint32_t simple_reply_magic = 0x67446698;
inline constexpr std::uint32_t structured_reply_magic = 0x668e33ef;

inline constexpr std::uint32_t longest_text = 4096;         // a name or an error's
inline constexpr std::uint32_t longest_data = 32U << 20;    // of a read or a write
inline constexpr std::uint32_t longest_option = 64U << 10;  // our limit
inline constexpr std::uint32_t allocation_context = 1;      // our number for base:allocation

/// What client and server say about themselves when they meet; the same bits for both.
namespace handshake_flag {
enum : std::uint16_t { fixed_newstyle = 1, no_zeroes = 2 };
}

enum class Option : std::uint32_t {
    export_name = 1,
    abort = 2,
    list = 3,
    info = 6,
    go = 7,
    structured_reply = 8,
    list_meta_context = 9,
    set_meta_context = 10,
};

enum class OptionReply : std::uint32_t {
    ack = 1,
    server = 2,
    info = 3,
    meta_context = 4,
    unsupported = (1U << 31) + 1,
    invalid = (1U << 31) + 3,
    unknown = (1U << 31) + 6,
    shutdown = (1U << 31) + 7,
    too_big = (1U << 31) + 9,
};

/// What can be told about an export.
enum class Info : std::uint16_t { size = 0, name = 1, block_size = 3 };

/// What a client may do with an export.
namespace transmission_flag {
enum : std::uint16_t {
    has_flags = 1 << 0,
    read_only = 1 << 1,
    flush = 1 << 2,
    fua = 1 << 3,
    trim = 1 << 5,
    write_zeroes = 1 << 6,
    dont_fragment = 1 << 7,
    multi_conn = 1 << 8,
    cache = 1 << 10,
    fast_zero = 1 << 11,
};
}

enum class Command : std::uint16_t {
    read = 0,
    write = 1,
    disconnect = 2,
    flush = 3,
    trim = 4,
    cache = 5,
    write_zeroes = 6,
    block_status = 7,
};

namespace command_flag {
enum : std::uint16_t {
    fua = 1 << 0,  // force unit access: be on the disk before answering
    no_hole = 1 << 1,
    dont_fragment = 1 << 2,
    one_extent = 1 << 3,
    fast_zero = 1 << 4,
};
}

enum class Chunk : std::uint16_t {
    none = 0,
    offset_data = 1,
    offset_hole = 2,
    block_status = 5,
    error = (1U << 15) + 1,
};

inline constexpr std::uint16_t last_chunk = 1;
inline constexpr std::uint32_t hole_and_zero = 3;  // the state of an extent that is a hole

/// The only numbers that an answer may have for its error.
enum class Failure : std::uint32_t {
    none = 0,
    not_permitted = 1,
    io = 5,
    no_memory = 12,
    invalid = 22,
    no_space = 28,
    not_supported = 95,
    shutting_down = 108,
};

/// What a client sent makes no sense, so that nothing more can be understood of it.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace nbd
