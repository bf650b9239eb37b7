// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

#include <coloop/coloop.hpp>

#include "disk.hpp"
#include "protocol.hpp"

namespace nbd {

using coloop::write_be;

/// What a client puts on a request to know its answer.
using Cookie = std::uint64_t;

/// Answers to requests, in the form that was agreed on; each is whole, in whatever order they come.
/// Its functions wait, and throw what streams throw, and TimedOut if the client takes no bytes; the
/// stream is closed then.
class Replies {
public:
    using Bytes = std::span<const std::byte>;

    Replies(coloop::Writer& client, bool structured, std::chrono::milliseconds stall)
        : out_(client, std::size_t{64} << 10), structured_(structured), stall_(stall) {}

    /// Done, or why not.
    void status(Cookie cookie, Failure failure, std::string_view message) {
        if (!structured_ || failure == Failure::none) {
            return simple(cookie, failure, {});
        }
        message = message.substr(0, longest_text);
        coloop::MemoryWriter head;
        write_be<std::uint32_t>(head, static_cast<std::uint32_t>(failure));
        write_be<std::uint16_t>(head, static_cast<std::uint16_t>(message.size()));
        chunk(cookie, Chunk::error, true, head.bytes(), std::as_bytes(std::span(message)));
    }

    /// What was read at `offset`; zeros are told, not sent.
    void data(Cookie cookie, std::uint64_t offset, Bytes bytes, bool whole) {
        if (!structured_) {
            return simple(cookie, Failure::none, bytes);
        }
        if (bytes.empty()) {
            chunk(cookie, Chunk::none, true, {}, {});
        }
        while (!bytes.empty()) {
            const Run run = whole ? Run{bytes.size(), is_zero(bytes)} : first_run(bytes, offset);
            const bool last = run.size == bytes.size();
            coloop::MemoryWriter head;
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

    void extents(Cookie cookie, const std::vector<Extent>& extents) {
        coloop::MemoryWriter head;
        write_be<std::uint32_t>(head, allocation_context);
        for (const Extent& extent : extents) {
            write_be<std::uint32_t>(head, static_cast<std::uint32_t>(extent.length));
            write_be<std::uint32_t>(head, extent.hole ? hole_and_zero : 0);
        }
        chunk(cookie, Chunk::block_status, true, head.bytes(), {});
    }

private:
    static constexpr std::size_t at_once = std::size_t{1} << 20;  // so that others get their turn
    static constexpr std::size_t hole_grain = std::size_t{32} << 10;  // smaller ones save nothing

    struct Run {
        std::size_t size;
        bool zero;
    };

    static bool is_zero(Bytes bytes) {
        return bytes[0] == std::byte{0} &&
               std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
    }

    /// How far the first bytes are all zero, or are not; by the grain of the disk they come from.
    static Run first_run(Bytes bytes, std::uint64_t offset) {
        Run run{0, false};
        while (run.size < bytes.size()) {
            const std::size_t grain = hole_grain - (offset + run.size) % hole_grain;
            const Bytes block = bytes.subspan(run.size, std::min(grain, bytes.size() - run.size));
            const bool zero = is_zero(block);
            const bool fits = zero || run.size + block.size() <= at_once;
            if (run.size > 0 && (zero != run.zero || !fits)) {
                break;
            }
            run = {run.size + block.size(), zero};
        }
        return run;
    }

    void simple(Cookie cookie, Failure failure, Bytes data) {
        coloop::MemoryWriter head;
        write_be<std::uint32_t>(head, simple_reply_magic);
        write_be<std::uint32_t>(head, static_cast<std::uint32_t>(failure));
        write_be<Cookie>(head, cookie);
        send(head.bytes(), data);
    }

    void chunk(Cookie cookie, Chunk type, bool last, Bytes head, Bytes data) {
        coloop::MemoryWriter out;
        write_be<std::uint32_t>(out, structured_reply_magic);
        write_be<std::uint16_t>(out, last ? last_chunk : 0);
        write_be<std::uint16_t>(out, static_cast<std::uint16_t>(type));
        write_be<Cookie>(out, cookie);
        write_be<std::uint32_t>(out, static_cast<std::uint32_t>(head.size() + data.size()));
        out.write(head);
        send(out.bytes(), data);
    }

    /// Answers that are ready at the same time are sent together. A slow client is given time for
    /// each part, so that a long answer is no reason to drop it.
    void send(Bytes head, Bytes data) {
        ++waiting_;
        const std::lock_guard turn(turn_);
        --waiting_;
        do {
            const Bytes part = data.first(std::min(data.size(), at_once));
            coloop::with_timeout(stall_, [&] {
                const Bytes pieces[] = {head, part};
                out_.write(pieces);
            });
            head = {};
            data = data.subspan(part.size());
        } while (!data.empty());
        if (waiting_ == 0) {
            coloop::checkpoint();  // whoever else is ready comes now, and waits for its turn
        }
        if (waiting_ == 0) {
            coloop::with_timeout(stall_, [&] { out_.flush(); });
        }
    }

    coloop::BufWriter out_;
    bool structured_;
    std::chrono::milliseconds stall_;
    coloop::CoMutex turn_;
    std::size_t waiting_ = 0;  // for their turn
};

}  // namespace nbd
