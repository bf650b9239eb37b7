// SPDX-License-Identifier: MIT
#include "io/copy.hpp"

#include <new>
#include <string>
#include <string_view>

#include <coloop/file.hpp>
#include <coloop/stream_handle.hpp>
#include <coloop/uv_error.hpp>

namespace coloop {

/// Finds out what a Reader or Writer really is.
struct CopyEnds {
    template <typename End>
    static std::shared_ptr<FileNode> file(End& end) noexcept {
        const auto* file = dynamic_cast<const File*>(&end);
        return file == nullptr ? nullptr : file->node_;
    }

    template <typename End>
    static StreamNode* stream(End& end) noexcept {
        const auto* stream = dynamic_cast<const StreamHandle*>(&end);
        return stream == nullptr ? nullptr : stream->node();
    }
};

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;

Result<void> copy_within_kernel(Reader& from, Writer& to, CopyProgress& progress) noexcept {
    const std::shared_ptr<FileNode> from_file = CopyEnds::file(from);
    const std::shared_ptr<FileNode> to_file = CopyEnds::file(to);
    StreamNode* from_stream = CopyEnds::stream(from);
    StreamNode* to_stream = CopyEnds::stream(to);
    if (from_file != nullptr && to_file != nullptr) {
        return copy_file_to_file(from_file, to_file, progress);
    }
    if (from_file != nullptr && to_stream != nullptr) {
        return copy_file_to_stream(from_file, *to_stream, progress);
    }
    if (from_stream != nullptr && to_stream != nullptr) {
        return copy_stream_to_stream(*from_stream, *to_stream, progress);
    }
    return {};
}

Result<void> copy_through_memory(Reader& from, Writer& to, CopyProgress& progress) noexcept {
    const std::unique_ptr<std::byte[]> buffer(new (std::nothrow) std::byte[buffer_size]);
    if (buffer == nullptr) {
        return Error(uv_code(UV_ENOMEM), "copy");
    }
    while (const std::size_t room = progress.piece(buffer_size)) {
        const Result<std::size_t> count = from.read({buffer.get(), room}, std::nothrow);
        if (!count) {
            progress.failed(CopyEnd::reader);
            return count.error();
        }
        if (*count == 0) {
            break;
        }
        const std::span<const std::byte> piece(buffer.get(), *count);
        if (Result<void> written = to.write(piece, std::nothrow); !written) {
            progress.failed(CopyEnd::writer);
            return written;
        }
        progress.add(*count);
    }
    return {};
}

/// The same, with how far the copy had come.
Error with_count(const Error& error, std::uint64_t copied) {
    if (copied == 0 || error.code() == Errc::cancelled) {
        return error;
    }
    std::string_view text = error.what();
    const std::string reason = ": " + error.code().message();
    if (text.ends_with(reason)) {
        text.remove_suffix(reason.size());
    }
    return {error.code(), text, "after " + std::to_string(copied) + " bytes"};
}

}  // namespace

Result<std::uint64_t> copy(Reader& from, Writer& to, const CopyOptions& options,
                           std::nothrow_t /*tag*/) noexcept {
    LoopState::current("copy");
    CopyProgress progress(options);
    Result<void> done = copy_within_kernel(from, to, progress);
    if (done) {
        done = copy_through_memory(from, to, progress);
    }
    if (!done) {
        return with_count(done.error(), progress.copied());
    }
    return progress.copied();
}

}  // namespace coloop
