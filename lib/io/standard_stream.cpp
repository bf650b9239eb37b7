// SPDX-License-Identifier: MIT
#include <array>
#include <string>
#include <utility>

#include <uv.h>

#include <coloop/pipe.hpp>
#include <coloop/standard_stream.hpp>
#include <coloop/tty.hpp>
#include <coloop/uv_error.hpp>

#include "io/reopen.hpp"
#include "io/shared_socket.hpp"
#include "io/standard_descriptors.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

constexpr std::array names{"standard input", "standard output", "standard error"};

template <typename Concrete>
Result<std::unique_ptr<Stream>> owned(Result<Concrete> stream) {
    if (!stream) {
        return stream.error();
    }
    return std::unique_ptr<Stream>(std::make_unique<Concrete>(*std::move(stream)));
}

/// Null for what is to be read and written through the thread pool.
Result<std::unique_ptr<Stream>> open_stream(NativeDescriptor native, DescriptorKind kind,
                                            const char* name) {
    if (kind == DescriptorKind::terminal) {
        return owned(Terminal::open(native, name, std::nothrow));
    }
    if (is_socket(native)) {
        return owned(SharedSocket::open(native, name));
    }
    if (kind == DescriptorKind::pipe_stream) {
        Result<Descriptor> opened = reopen(native);
        if (opened) {
            return owned(PipeStream::adopt_descriptor(*std::move(opened), name, std::nothrow));
        }
    }
    return std::unique_ptr<Stream>();
}

}  // namespace

StandardStream::StandardStream(int number, DescriptorKind kind) noexcept
    : number_(number), kind_(kind) {}

StandardStream::StandardStream(StandardStream&& other) noexcept = default;
StandardStream& StandardStream::operator=(StandardStream&& other) noexcept = default;
StandardStream::~StandardStream() = default;

Result<StandardStream> StandardStream::open(int number) noexcept {
    static_cast<void>(LoopState::current("open a standard stream"));
    const NativeDescriptor native{number};
    const char* name = names[static_cast<std::size_t>(number)];
    const bool is_there = was_open_at_start(number);
    StandardStream result(number, is_there ? kind_of(native) : DescriptorKind::unknown);
    if (result.kind_ == DescriptorKind::unknown) {
        return result;
    }
    Result<std::unique_ptr<Stream>> stream = open_stream(native, result.kind_, name);
    if (!stream) {
        return stream.error();
    }
    result.stream_ = *std::move(stream);
    if (result.stream_ == nullptr) {
        using Open = File (*)() noexcept;
        constexpr std::array<Open, 3> files{File::standard_input, File::standard_output,
                                            File::standard_error};
        result.file_ = std::make_unique<File>(files[static_cast<std::size_t>(number)]());
    }
    return result;
}

void StandardStream::close() noexcept {
    closed_ = true;
    if (stream_ != nullptr) {
        stream_->close();
    } else if (file_ != nullptr) {
        static_cast<void>(file_->close(std::nothrow));
    }
}

Error StandardStream::error(const char* operation) const {
    const std::error_code code = closed_ ? make_error_code(Errc::closed) : uv_code(UV_EBADF);
    return {code, operation, names[static_cast<std::size_t>(number_)]};
}

Result<std::size_t> StandardStream::read_some(std::span<std::byte> buffer) noexcept {
    if (stream_ != nullptr) {
        return stream_->read(buffer, std::nothrow);
    }
    return file_ != nullptr ? file_->read(buffer, std::nothrow) : error("read");
}

Result<void> StandardStream::write_all(
    std::span<const std::span<const std::byte>> pieces) noexcept {
    if (stream_ != nullptr) {
        return stream_->write(pieces, std::nothrow);
    }
    return file_ != nullptr ? file_->write(pieces, std::nothrow) : error("write");
}

StandardStream standard_input() { return standard_input(std::nothrow).value(); }

StandardStream standard_output() { return standard_output(std::nothrow).value(); }

StandardStream standard_error() { return standard_error(std::nothrow).value(); }

Result<StandardStream> standard_input(std::nothrow_t /*tag*/) noexcept {
    return StandardStream::open(0);
}

Result<StandardStream> standard_output(std::nothrow_t /*tag*/) noexcept {
    return StandardStream::open(1);
}

Result<StandardStream> standard_error(std::nothrow_t /*tag*/) noexcept {
    return StandardStream::open(2);
}

}  // namespace coloop
