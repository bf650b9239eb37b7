// SPDX-License-Identifier: MIT
//
// Answers to requests, in the form that was agreed on; each is whole, in whatever order they come.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <coloop/coloop.hpp>

#include "protocol.hpp"
#include "sparse.hpp"

namespace nbd {

/// What a client puts on a request to know its answer.
using Cookie = std::uint64_t;

/// Its functions wait, and throw what streams throw, and TimedOut if the client takes no bytes; the
/// stream is closed then.
class Replies {
public:
    Replies(coloop::Writer& client, bool structured, std::chrono::milliseconds stall)
        : client_(client), structured_(structured), stall_(stall) {}

    void done(Cookie cookie);
    void failed(Cookie cookie, Failure failure, std::string_view message);

    /// What was read at `offset`; zeros are told, not sent.
    void data(Cookie cookie, std::uint64_t offset, std::span<const std::byte> bytes, bool whole);

    void extents(Cookie cookie, const std::vector<Extent>& extents);

private:
    void simple(Cookie cookie, Failure failure, std::span<const std::byte> data);
    void chunk(Cookie cookie, Chunk type, bool last, std::span<const std::byte> head,
               std::span<const std::byte> data);
    void send(std::span<const std::byte> head, std::span<const std::byte> data);

    coloop::Writer& client_;
    bool structured_;
    std::chrono::milliseconds stall_;
    coloop::CoMutex turn_;
};

}  // namespace nbd
