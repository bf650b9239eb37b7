// SPDX-License-Identifier: MIT
//
// A Reader that hands out what the test says, and a Writer that keeps what it gets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <coloop/stream.hpp>

namespace coloop {

/// Each read gets the next of some texts, or what is left of one that did not fit; then it ends.
class ScriptedReader final : public Reader {
public:
    ScriptedReader(std::initializer_list<std::string> texts) : texts_(texts) {}

    void add(std::string text) { texts_.push_back(std::move(text)); }

    /// What the next read reports, once.
    void fail(Error error) { fail_after(0, std::move(error)); }

    /// The same for a later one, after so many reads.
    void fail_after(std::size_t more, Error error) {
        failure_ = std::move(error);
        failing_read_ = reads + more + 1;
    }

    std::size_t reads = 0;
    std::size_t largest_read = 0;  // bytes that a read had room for
    std::function<void()> before_read = [] {};

private:
    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override {
        before_read();
        ++reads;
        largest_read = std::max(largest_read, buffer.size());
        if (failure_ && reads == failing_read_) {
            return *std::exchange(failure_, std::nullopt);
        }
        if (texts_.empty()) {
            return 0;
        }
        std::string& text = texts_.front();
        const std::size_t count = std::min(buffer.size(), text.size());
        std::memcpy(buffer.data(), text.data(), count);
        text.erase(0, count);
        if (text.empty()) {
            texts_.pop_front();
        }
        return count;
    }

    std::deque<std::string> texts_;
    std::optional<Error> failure_;
    std::size_t failing_read_ = 0;
};

class KeepingWriter final : public Writer {
public:
    std::string text;
    std::size_t writes = 0;
    std::optional<Error> failure;  // of every write, which then keeps nothing
    std::function<void()> before_write = [] {};

private:
    Result<void> write_all(std::span<const std::span<const std::byte>> pieces) noexcept override {
        before_write();
        ++writes;
        if (failure) {
            return *failure;
        }
        for (const std::span<const std::byte> piece : pieces) {
            text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        }
        return {};
    }
};

}  // namespace coloop
