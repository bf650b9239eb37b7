// SPDX-License-Identifier: MIT
//
// The transmission phase: a client's requests, each of which is a coroutine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <coloop/coloop.hpp>

#include "handshake.hpp"
#include "protocol.hpp"
#include "replies.hpp"
#include "server.hpp"

namespace nbd {

class Session {
public:
    Session(coloop::Writer& client, coloop::BufReader& input, const Server& server,
            const Agreement& agreed)
        : input_(input),
          server_(server),
          disk_(*agreed.disk),
          structured_(agreed.structured),
          block_status_(agreed.block_status),
          replies_(client, agreed.structured, server.limits.stall),
          memory_(server.limits.memory) {}

    /// Returns when the client has gone and all that it asked for is done. Throws ProtocolError,
    /// and what streams throw.
    void run();

    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }

private:
    /// Memory for the data of a request, of which a connection has a limited amount.
    class Buffer {
    public:
        Buffer() = default;

        /// The permits were acquired; gives them back in the end.
        Buffer(coloop::CoSemaphore& memory, std::size_t size)
            : memory_(&memory), size_(size), bytes_(new std::byte[size]) {}

        Buffer(Buffer&& other) noexcept { *this = std::move(other); }

        Buffer& operator=(Buffer&& other) noexcept {
            std::swap(memory_, other.memory_);
            std::swap(size_, other.size_);
            std::swap(bytes_, other.bytes_);
            return *this;
        }

        ~Buffer() {
            if (memory_ != nullptr) {
                memory_->release(size_);
            }
        }

        [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {bytes_.get(), size_}; }

    private:
        coloop::CoSemaphore* memory_ = nullptr;
        std::size_t size_ = 0;
        std::unique_ptr<std::byte[]> bytes_;
    };

    struct Request {
        std::uint16_t flags;
        Command command;
        Cookie cookie;
        std::uint64_t offset;
        std::uint32_t length;
        Buffer buffer = {};

        [[nodiscard]] bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }

        [[nodiscard]] bool writes() const noexcept {
            return command == Command::write || command == Command::trim ||
                   command == Command::write_zeroes;
        }
    };

    std::optional<Request> next_request();
    Request read_header();
    Buffer take_memory(std::size_t size);
    void read_payload(std::span<std::byte> payload);
    void answer(const Request& request);
    [[nodiscard]] Failure reason_to_refuse(const Request& request) const;
    [[nodiscard]] Failure carry_out(const Request& request, std::vector<Extent>& extents);

    coloop::BufReader& input_;
    const Server& server_;
    Disk& disk_;
    bool structured_;
    bool block_status_;
    Replies replies_;
    coloop::CoSemaphore memory_;
    std::uint64_t requests_ = 0;
};

}  // namespace nbd
