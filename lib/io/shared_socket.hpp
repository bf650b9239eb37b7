// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <coloop/co_mutex.hpp>
#include <coloop/stream.hpp>

#include "io/descriptor_node.hpp"

namespace coloop {

/// A connected socket that other processes may share and so must stay in blocking mode. Slower than
/// a libuv stream: each wait is a matter of several system calls.
class SharedSocket final : public Stream {
public:
    /// `native` stays the caller's.
    static Result<SharedSocket> open(NativeDescriptor native, std::string name);

    SharedSocket(SharedSocket&& other) noexcept = default;

    SharedSocket& operator=(SharedSocket&& other) noexcept {
        const SharedSocket taken(std::move(*this));  // closed, so that nobody waits for it
        shared_ = std::move(other.shared_);
        return *this;
    }

    ~SharedSocket() override {
        if (shared_ != nullptr) {
            close();
        }
    }

    void close() noexcept override;

private:
    enum class Direction : bool { in, out };

    /// What coroutines inside an operation hold on to.
    struct Shared {
        explicit Shared(Descriptor opened, std::string text) noexcept
            : socket(std::move(opened)), name(std::move(text)) {}

        [[nodiscard]] Error error(std::error_code code, const char* operation) const {
            return {code, operation, name};
        }

        Result<void> give_way(const char* operation) noexcept;
        Result<void> wait(Direction direction, const char* operation) noexcept;
        Result<void> send(std::span<const std::byte> bytes) noexcept;
        Result<std::unique_lock<CoMutex>> take_turn(const char* operation) noexcept;

        Descriptor socket;
        std::string name;
        NodePtr<DescriptorNode> watches[2];  // one for each direction, while somebody waits
        CoMutex writing;
        bool being_read = false;
        bool closed = false;
        unsigned immediate = 0;  // operations since it last gave way
    };

    explicit SharedSocket(std::shared_ptr<Shared> shared) noexcept : shared_(std::move(shared)) {}

    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override;
    Result<void> end_writing() noexcept override;

    std::shared_ptr<Shared> shared_;
};

}  // namespace coloop
