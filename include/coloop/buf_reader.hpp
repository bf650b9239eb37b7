// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include <coloop/export.hpp>
#include <coloop/result.hpp>
#include <coloop/stream.hpp>

namespace coloop {

/// Reads ahead from another Reader, so that small pieces cost no system call each, and finds lines
/// and the like in what came.
///
/// Each time its buffer is used up it reads once, as much as there is room for. Views of the buffer
/// that its members return hold until the next call that reads. It is for one coroutine at a time:
/// while one waits, others get an Error (resource busy). What it has read ahead is lost to those
/// who use the source directly.
///
/// Errors of the source are passed on; they, Cancelled and a limit that is exceeded lose nothing:
/// what came stays in the buffer, and the call can be made again.
class COLOOP_EXPORT BufReader final : public Reader {
public:
    static constexpr std::size_t standard_size = std::size_t{16} << 10;

    /// What read_line() and read_until() take at the most, unless told.
    static constexpr std::size_t standard_limit = std::size_t{64} << 10;

    /// Reads from `source`, which must outlive it, up to `size` bytes at once. The buffer is made
    /// when first needed, and grows only to hold a longer line, or more bytes, for a caller who
    /// asks for that.
    explicit BufReader(Reader& source, std::size_t size = standard_size) noexcept;

    BufReader(const BufReader&) = delete;
    BufReader& operator=(const BufReader&) = delete;
    ~BufReader() override;

    /// The next line, without its end ("\n" or "\r\n"); the last one may have none. No value at the
    /// end of the stream. Throws Error if the line has more than `limit` bytes: "read a line of at
    /// most 65536 bytes: longer than allowed".
    std::optional<std::string_view> read_line(std::size_t limit = standard_limit) {
        return read_line(limit, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::optional<std::string_view>> read_line(std::size_t limit,
                                                      std::nothrow_t tag) noexcept;

    Result<std::optional<std::string_view>> read_line(std::nothrow_t tag) noexcept {
        return read_line(standard_limit, tag);
    }

    /// All up to `delimiter`, which is taken, too, but not returned. No value at the end of the
    /// stream. Throws EndOfStream if the stream ends after something else, and Error if there are
    /// more than `limit` bytes before the delimiter. An empty delimiter is misuse.
    std::optional<std::string_view> read_until(std::string_view delimiter,
                                               std::size_t limit = standard_limit) {
        return read_until(delimiter, limit, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::optional<std::string_view>> read_until(std::string_view delimiter,
                                                       std::size_t limit,
                                                       std::nothrow_t tag) noexcept;

    using Reader::read_exactly;

    /// The next `count` bytes, in the buffer. Throws EndOfStream if there are fewer; they stay.
    std::span<const std::byte> read_exactly(std::size_t count) {
        return read_exactly(count, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::span<const std::byte>> read_exactly(std::size_t count, std::nothrow_t tag) noexcept;

    /// Waits until at least `count` bytes are in the buffer, and returns all that are, without
    /// taking them; fewer than `count` only if the stream ends. Take what was used with consume().
    std::span<const std::byte> peek(std::size_t count = 1) {
        return peek(count, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<std::span<const std::byte>> peek(std::size_t count, std::nothrow_t tag) noexcept;

    /// What is in the buffer; never waits.
    [[nodiscard]] std::span<const std::byte> buffered() const noexcept {
        return {buffer_.get() + begin_, end_ - begin_};
    }

    /// Takes `count` bytes out of the buffer. More than there are is misuse.
    void consume(std::size_t count) noexcept;

private:
    Result<std::size_t> read_some(std::span<std::byte> buffer) noexcept override;
    Result<std::size_t> fill(std::size_t most) noexcept;
    Result<std::size_t> search(std::string_view delimiter, std::size_t most) noexcept;
    bool make_room(std::size_t most) noexcept;
    std::string_view take(std::size_t length, std::size_t with_end) noexcept;

    Reader& source_;
    std::size_t size_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // of what came and was not taken
    std::size_t end_ = 0;
    bool filling_ = false;
};

/// A range of the lines of a Reader: see lines().
class COLOOP_EXPORT Lines {
public:
    Lines(Reader& reader, std::size_t limit) noexcept
        : own_(std::in_place, reader), reader_(*own_), limit_(limit) {}

    Lines(BufReader& reader, std::size_t limit) noexcept : reader_(reader), limit_(limit) {}

    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines() = default;

    class Iterator {
    public:
        using difference_type = std::ptrdiff_t;
        using value_type = std::string_view;

        explicit Iterator(Lines& lines) noexcept : lines_(&lines) {}

        std::string_view operator*() const noexcept { return *lines_->line_; }

        Iterator& operator++() {
            lines_->advance();
            return *this;
        }

        void operator++(int) { lines_->advance(); }

        bool operator==(std::default_sentinel_t /*end*/) const noexcept { return !lines_->line_; }

    private:
        Lines* lines_;
    };

    /// Reads the first line. To be called once.
    [[nodiscard]] Iterator begin() {
        advance();
        return Iterator(*this);
    }

    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    void advance() { line_ = reader_.read_line(limit_); }

    std::optional<BufReader> own_;
    BufReader& reader_;
    std::size_t limit_;
    std::optional<std::string_view> line_;
};

/// The lines of a file or stream, one after the other, as BufReader::read_line() has them:
///
///     for (std::string_view line : coloop::lines(log)) { … }
///
/// Each holds until the next. The loop waits while there is none, and throws what read_line()
/// throws. It reads ahead: after leaving the loop early, go on with a BufReader of your own.
[[nodiscard]] inline Lines lines(Reader& reader,
                                 std::size_t limit = BufReader::standard_limit) noexcept {
    return {reader, limit};
}

/// The same with a BufReader, which has the rest after the loop.
[[nodiscard]] inline Lines lines(BufReader& reader,
                                 std::size_t limit = BufReader::standard_limit) noexcept {
    return {reader, limit};
}

}  // namespace coloop
