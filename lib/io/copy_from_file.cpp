// SPDX-License-Identifier: MIT
#include <new>

#include "io/copy.hpp"
#include "io/file_transfer.hpp"
#include "io/fs_request.hpp"
#include "io/kernel_copy.hpp"

namespace coloop {

namespace {

// A cancelled caller waits for the piece that is under way.
constexpr std::size_t file_piece = std::size_t{16} << 20;
constexpr std::size_t socket_piece = std::size_t{1} << 20;

// Less than that is copied sooner than a thread can be asked to send it.
constexpr std::uint64_t least_to_send = std::uint64_t{64} << 10;

/// The place in a file that is read from, for as long as nobody else reads there.
class ReadPosition {
public:
    explicit ReadPosition(FileNode& file) noexcept : file_(file) {
        if (!file.reading && !file.closing) {
            at_ = file_position(file.file());
        }
        file.reading = file.reading || is_known();
    }

    ReadPosition(const ReadPosition&) = delete;
    ReadPosition& operator=(const ReadPosition&) = delete;

    ~ReadPosition() {
        if (is_known()) {
            set_file_position(file_.file(), at_);
            file_.reading = false;
        }
    }

    /// False if the file has none, or if reading will say what is the matter.
    [[nodiscard]] bool is_known() const noexcept { return at_ >= 0; }

    [[nodiscard]] std::int64_t at() const noexcept { return at_; }

    void advance(std::size_t bytes) noexcept { at_ += static_cast<std::int64_t>(bytes); }

private:
    FileNode& file_;
    std::int64_t at_ = -1;
};

bool is_cancelled(const Error& error) noexcept { return error.code() == Errc::cancelled; }

/// True if it is a file in the ordinary sense with a good deal left from `at` on.
Result<bool> worth_sending(const std::shared_ptr<FileNode>& file, std::int64_t at) noexcept {
    const Result<FsAnswer> answer =
        call_fs({"stat", *file}, FileUse(file), uv_fs_fstat, file->file());
    if (!answer) {
        return is_cancelled(answer.error()) ? Result<bool>(answer.error()) : Result<bool>(false);
    }
    const uv_stat_t& stat = (*answer)->uv.statbuf;
    constexpr std::uint64_t kind_bits = 0170000;
    constexpr std::uint64_t regular = 0100000;
    return (stat.st_mode & kind_bits) == regular &&
           stat.st_size >= static_cast<std::uint64_t>(at) + least_to_send;
}

/// Sends pieces by way of a buffer, which is made when first needed.
class SlowWay {
public:
    /// Waits until the receiver takes more; returns how much that was.
    Result<std::size_t> send(const std::shared_ptr<FileNode>& from, StreamNode& to, std::int64_t at,
                             std::size_t most, CopyProgress& progress) noexcept {
        if (buffer_ == nullptr) {
            buffer_.reset(new (std::nothrow) std::byte[size]);
        }
        if (buffer_ == nullptr) {
            return to.error(UV_ENOMEM, "write");
        }
        const std::span<std::byte> room(buffer_.get(), std::min(most, size));
        Result<std::size_t> count = read_pieces(from, {&room, 1}, at);
        if (!count) {
            progress.failed(CopyEnd::reader);
        }
        if (!count || *count == 0) {
            return count;
        }
        const std::span<const std::byte> piece = room.first(*count);
        if (const Result<void> written = to.write({&piece, 1}); !written) {
            progress.failed(CopyEnd::writer);
            return written.error();
        }
        return *count;
    }

private:
    static constexpr std::size_t size = std::size_t{64} << 10;

    std::unique_ptr<std::byte[]> buffer_;
};

}  // namespace

Result<void> copy_file_to_file(const std::shared_ptr<FileNode>& from,
                               const std::shared_ptr<FileNode>& to,
                               CopyProgress& progress) noexcept {
    if (from == to) {
        return {};
    }
    try {
        to->writing.lock();
    } catch (const Cancelled&) {
        return fs_error({"write", *to}, Errc::cancelled);
    }
    const FileUse use(to);
    Result<void> done;
    {
        ReadPosition position(*from);
        to->written = true;
        while (position.is_known() && !from->closing && !to->closing) {
            const std::size_t size = progress.piece(file_piece);
            if (size == 0) {
                break;
            }
            const Result<FsAnswer> answer =
                call_fs({"copy", *to, PoolRequest::Kind::pinned}, FileUse(from), uv_fs_sendfile,
                        to->file(), from->file(), position.at(), size);
            if (!answer && is_cancelled(answer.error())) {
                done = answer.error();
            }
            if (!answer || (*answer)->uv.result == 0) {
                break;  // which of the two it is, reading and writing will tell
            }
            const auto count = static_cast<std::size_t>((*answer)->uv.result);
            position.advance(count);
            progress.add(count);
        }
    }
    to->writing.unlock();
    return done;
}

Result<void> copy_file_to_stream(const std::shared_ptr<FileNode>& from, StreamNode& to,
                                 CopyProgress& progress) noexcept {
    const NodePtr<StreamNode> hold(&to);
    ReadPosition position(*from);
    const DuplicateDescriptor socket = to.duplicate();
    if (!position.is_known() || socket.file() < 0) {
        return {};
    }
    const Result<bool> worth = worth_sending(from, position.at());
    if (!worth) {
        return worth.error();
    }
    SlowWay slow_way;
    while (*worth && !from->closing) {
        const std::size_t size = progress.piece(socket_piece);
        if (size == 0) {
            break;
        }
        const Result<std::int64_t> sent = to.send_file(socket, from, position.at(), size);
        if (!sent) {
            progress.failed(CopyEnd::writer);
            return sent.error();
        }
        auto count = static_cast<std::size_t>(std::max<std::int64_t>(*sent, 0));
        if (*sent == UV_EAGAIN) {
            const Result<std::size_t> piece =
                slow_way.send(from, to, position.at(), size, progress);
            if (!piece) {
                return piece.error();
            }
            count = *piece;
        }
        if (count == 0) {
            break;
        }
        position.advance(count);
        progress.add(count);
    }
    return {};
}

}  // namespace coloop
