// SPDX-License-Identifier: MIT
#include "io/file_transfer.hpp"

#include <algorithm>

#include "io/fs_request.hpp"
#include "io/nowait.hpp"

namespace coloop {

namespace {

constexpr std::size_t most_pieces = 64;

// A cancelled caller waits for the request that is under way, so writes are cut into smaller ones.
constexpr std::size_t most_read = std::size_t{1} << 30;
constexpr std::size_t most_written = std::size_t{16} << 20;

// What is copied from the page cache on the loop's thread must not keep other coroutines waiting.
constexpr std::size_t most_on_the_spot = std::size_t{256} << 10;

/// The next part of some pieces, in the form that libuv wants.
class Part {
public:
    template <typename Byte>
    Part(std::span<const std::span<Byte>> pieces, std::size_t skip, std::size_t most) noexcept {
        for (const std::span<Byte> whole : pieces) {
            const std::span<Byte> piece = whole.subspan(std::min(skip, whole.size()));
            skip -= whole.size() - piece.size();
            const std::size_t size = std::min(piece.size(), most - size_);
            if (size > 0) {
                auto* bytes = const_cast<std::byte*>(piece.data());
                buffers_[count_++] =
                    uv_buf_init(reinterpret_cast<char*>(bytes), static_cast<unsigned>(size));
                size_ += size;
            }
            if (count_ == most_pieces || size_ == most) {
                break;
            }
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] const uv_buf_t* data() const noexcept { return buffers_; }

    [[nodiscard]] unsigned count() const noexcept { return count_; }

private:
    uv_buf_t buffers_[most_pieces];  // NOLINT: filled as far as count_ says
    unsigned count_ = 0;
    std::size_t size_ = 0;
};

/// Why a transfer must not begin; Errc() if it may.
Errc refusal(const FsCall& call, const FileNode& file) noexcept {
    LoopState::current(call.operation);
    if (Wait::already_cancelled()) {
        return Errc::cancelled;
    }
    return file.closing ? Errc::closed : Errc();
}

/// Zero if the pool must be asked.
std::size_t read_on_the_spot(FileNode& file, const Part& part, std::int64_t offset) noexcept {
    if (!file.answers_nowait || part.size() > most_on_the_spot) {
        return 0;
    }
    const std::int64_t count = read_nowait(file.file(), {part.data(), part.count()}, offset);
    file.answers_nowait = count != UV_ENOTSUP;
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

Result<std::size_t> read_pieces(const std::shared_ptr<FileNode>& file, ReadPieces pieces,
                                std::int64_t offset) noexcept {
    const FsCall call{"read", *file, PoolRequest::Kind::pinned};
    if (const Errc reason = refusal(call, *file); reason != Errc()) {
        return fs_error(call, reason);
    }
    const Part part(pieces, 0, most_read);
    if (part.size() == 0) {
        return 0;
    }
    if (const std::size_t count = read_on_the_spot(*file, part, offset)) {
        return count;
    }
    return taken_from(
        call_fs(call, FileUse(file), uv_fs_read, file->file(), part.data(), part.count(), offset),
        [](const uv_fs_t& request) { return static_cast<std::size_t>(request.result); });
}

Result<void> write_pieces(const std::shared_ptr<FileNode>& file, WritePieces pieces,
                          std::int64_t offset) noexcept {
    const FsCall call{"write", *file, PoolRequest::Kind::pinned};
    if (const Errc reason = refusal(call, *file); reason != Errc()) {
        return fs_error(call, reason);
    }
    file->written = true;
    std::size_t done = 0;
    for (;;) {
        const Part part(pieces, done, most_written);
        if (part.size() == 0) {
            return {};
        }
        const Result<FsAnswer> answer =
            call_fs(call, FileUse(file), uv_fs_write, file->file(), part.data(), part.count(),
                    offset < 0 ? at_position : offset + static_cast<std::int64_t>(done));
        if (!answer) {
            return answer.error();
        }
        if ((*answer)->uv.result == 0) {
            return fs_error(call, UV_EIO);  // so that it can't go on for ever
        }
        done += static_cast<std::size_t>((*answer)->uv.result);
    }
}

}  // namespace coloop
