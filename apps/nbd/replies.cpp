// SPDX-License-Identifier: MIT
#include "replies.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace nbd {

namespace {

using coloop::MemoryWriter;
using coloop::write_be;
using Bytes = std::span<const std::byte>;

constexpr std::size_t at_once = std::size_t{1} << 20;      // so that others get their turn
constexpr std::size_t hole_grain = std::size_t{32} << 10;  // smaller ones cost more than they save

bool is_zero(Bytes bytes) {
    return bytes[0] == std::byte{0} &&
           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

struct Run {
    std::size_t size;
    bool zero;
};

/// How far the first bytes are all zero, or are not; by the grain of the disk they come from.
Run first_run(Bytes bytes, std::uint64_t offset, std::size_t most) {
    Run run{0, false};
    while (run.size < bytes.size()) {
        const std::size_t grain = hole_grain - (offset + run.size) % hole_grain;
        const Bytes block = bytes.subspan(run.size, std::min(grain, bytes.size() - run.size));
        const bool zero = is_zero(block);
        if (run.size > 0 && (zero != run.zero || (!zero && run.size + block.size() > most))) {
            break;
        }
        run = {run.size + block.size(), zero};
    }
    return run;
}

}  // namespace

void Replies::done(Cookie cookie) { simple(cookie, Failure::none, {}); }

void Replies::failed(Cookie cookie, Failure failure, std::string_view message) {
    if (!structured_) {
        simple(cookie, failure, {});
        return;
    }
    message = message.substr(0, longest_text);
    MemoryWriter head;
    write_be<std::uint32_t>(head, static_cast<std::uint32_t>(failure));
    write_be<std::uint16_t>(head, static_cast<std::uint16_t>(message.size()));
    chunk(cookie, Chunk::error, true, head.bytes(), std::as_bytes(std::span(message)));
}

void Replies::data(Cookie cookie, std::uint64_t offset, Bytes bytes, bool whole) {
    if (!structured_) {
        simple(cookie, Failure::none, bytes);
        return;
    }
    if (bytes.empty()) {
        chunk(cookie, Chunk::none, true, {}, {});
    }
    while (!bytes.empty()) {
        const Run run =
            whole ? Run{bytes.size(), is_zero(bytes)} : first_run(bytes, offset, at_once);
        const bool last = run.size == bytes.size();
        MemoryWriter head;
        write_be<std::uint64_t>(head, offset);
        if (run.zero) {
            write_be<std::uint32_t>(head, static_cast<std::uint32_t>(run.size));
            chunk(cookie, Chunk::offset_hole, last, head.bytes(), {});
        } else {
            chunk(cookie, Chunk::offset_data, last, head.bytes(), bytes.first(run.size));
        }
        bytes = bytes.subspan(run.size);
        offset += run.size;
    }
}

void Replies::extents(Cookie cookie, const std::vector<Extent>& extents) {
    MemoryWriter head;
    write_be<std::uint32_t>(head, allocation_context);
    for (const Extent& extent : extents) {
        write_be<std::uint32_t>(head, static_cast<std::uint32_t>(extent.length));
        write_be<std::uint32_t>(head, extent.hole ? hole_and_zero : 0);
    }
    chunk(cookie, Chunk::block_status, true, head.bytes(), {});
}

void Replies::simple(Cookie cookie, Failure failure, Bytes data) {
    MemoryWriter head;
    write_be<std::uint32_t>(head, simple_reply_magic);
    write_be<std::uint32_t>(head, static_cast<std::uint32_t>(failure));
    write_be<Cookie>(head, cookie);
    send(head.bytes(), data);
}

void Replies::chunk(Cookie cookie, Chunk type, bool last, Bytes head, Bytes data) {
    MemoryWriter out;
    write_be<std::uint32_t>(out, structured_reply_magic);
    write_be<std::uint16_t>(out, last ? last_chunk : 0);
    write_be<std::uint16_t>(out, static_cast<std::uint16_t>(type));
    write_be<Cookie>(out, cookie);
    write_be<std::uint32_t>(out, static_cast<std::uint32_t>(head.size() + data.size()));
    out.write(head);
    send(out.bytes(), data);
}

/// A slow client is given time for each part, so that a long answer is no reason to drop it.
void Replies::send(Bytes head, Bytes data) {
    const std::lock_guard turn(turn_);
    do {
        const Bytes part = data.first(std::min(data.size(), at_once));
        coloop::with_timeout(stall_, [&] {
            const Bytes pieces[] = {head, part};
            client_.write(pieces);
        });
        head = {};
        data = data.subspan(part.size());
    } while (!data.empty());
}

}  // namespace nbd
