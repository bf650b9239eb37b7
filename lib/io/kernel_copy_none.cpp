// SPDX-License-Identifier: MIT
//
// For systems where bytes must pass through the process.
#include "io/kernel_copy.hpp"

namespace coloop {

std::int64_t file_position(uv_file /*file*/) noexcept { return -1; }

void set_file_position(uv_file /*file*/, std::int64_t /*position*/) noexcept {}

std::int64_t send_from_file(uv_file /*socket*/, uv_file /*file*/, std::int64_t /*offset*/,
                            std::size_t /*most*/) noexcept {
    return UV_ENOTSUP;
}

std::int64_t splice_some(uv_file /*from*/, uv_file /*to*/, std::size_t /*most*/) noexcept {
    return UV_ENOTSUP;
}

DuplicateDescriptor::DuplicateDescriptor(const uv_handle_t* /*handle*/) noexcept {}

DuplicateDescriptor::~DuplicateDescriptor() = default;

TransitPipe::TransitPipe() noexcept = default;

TransitPipe::~TransitPipe() = default;

std::int64_t TransitPipe::read(std::byte* /*buffer*/, std::size_t /*count*/) const noexcept {
    return UV_ENOTSUP;
}

}  // namespace coloop
