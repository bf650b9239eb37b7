// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <string>
#include <system_error>

namespace nbd {

namespace {

constexpr std::size_t header_size = 28;
constexpr std::size_t payload_part = std::size_t{1} << 20;  // for which there is one time limit
constexpr std::size_t most_extents = 4096;                  // in an answer: 32 KiB

Failure failure_of(const std::error_code& code) {
    using std::errc;
    if (code == errc::no_space_on_device || code == errc::file_too_large ||
        code == std::error_code(EDQUOT, std::generic_category())) {
        return Failure::no_space;
    }
    if (code == errc::operation_not_permitted || code == errc::permission_denied ||
        code == errc::read_only_file_system) {
        return Failure::not_permitted;
    }
    return code == errc::not_enough_memory ? Failure::no_memory : Failure::io;
}

/// What a command may be told; FUA always, for clients are known to put it everywhere.
int flags_allowed(Command command, bool structured) {
    namespace flag = command_flag;
    switch (command) {
        case Command::read:
            return flag::fua | (structured ? flag::dont_fragment : 0);
        case Command::write_zeroes:
            return flag::fua | flag::no_hole | flag::fast_zero;
        case Command::block_status:
            return flag::fua | flag::one_extent;
        default:
            return flag::fua;
    }
}

}  // namespace

void Session::run() {
    coloop::TaskGroup group({.limit = server_.limits.requests});
    try {
        while (std::optional<Request> request = next_request()) {
            ++requests_;
            group.spawn([this, mine = std::move(*request)] { answer(mine); }, {.name = "request"});
        }
    } catch (const coloop::Error&) {
        // An answer that the client did not take has closed the stream: that says more.
        if (const auto failures = group.failures(); !failures.empty()) {
            std::rethrow_exception(failures.front());
        }
        throw;
    }
    group.wait();
}

/// With its data. Nothing when the client has said that it goes, or has gone between requests. A
/// client may be silent for as long as it likes, but not in the middle of a request.
std::optional<Session::Request> Session::next_request() {
    if (input_.peek().empty()) {
        return std::nullopt;
    }
    Request request = coloop::with_timeout(server_.limits.stall, [this] { return read_header(); });
    if (request.command == Command::disconnect) {
        return std::nullopt;
    }
    if (request.command == Command::write) {
        if (request.length > longest_data) {
            throw ProtocolError("a write of " + std::to_string(request.length) + " bytes");
        }
        request.buffer = take_memory(request.length);
        read_payload(request.buffer.bytes());
    } else if (request.command == Command::read && request.length <= longest_data) {
        request.buffer = take_memory(request.length);
    }
    return request;
}

Session::Request Session::read_header() {
    using coloop::read_be;
    coloop::MemoryReader header(input_.read_exactly(header_size));
    if (read_be<std::uint32_t>(header) != request_magic) {
        throw ProtocolError("a request without its magic");
    }
    Request request{};
    request.flags = read_be<std::uint16_t>(header);
    request.command = Command{read_be<std::uint16_t>(header)};
    request.cookie = read_be<Cookie>(header);
    request.offset = read_be<std::uint64_t>(header);
    request.length = read_be<std::uint32_t>(header);
    return request;
}

/// Waits while other requests of the connection have it: the client is not read from meanwhile.
Session::Buffer Session::take_memory(std::size_t size) {
    memory_.acquire(size);
    return {memory_, size};
}

void Session::read_payload(std::span<std::byte> payload) {
    while (!payload.empty()) {
        const std::span<std::byte> part = payload.first(std::min(payload.size(), payload_part));
        coloop::with_timeout(server_.limits.stall, [&] { input_.read_exactly(part); });
        payload = payload.subspan(part.size());
    }
}

/// In a coroutine of its own.
void Session::answer(const Request& request) {
    Failure failure = reason_to_refuse(request);
    std::string message;
    std::vector<Extent> extents;
    if (failure == Failure::none) {
        try {
            failure = carry_out(request, extents);
        } catch (const coloop::Error& error) {
            failure = failure_of(error.code());
            message = error.what();
        }
    }
    if (failure != Failure::none) {
        replies_.failed(request.cookie, failure, message);
    } else if (request.command == Command::read) {
        replies_.data(request.cookie, request.offset, request.buffer.bytes(),
                      request.has(command_flag::dont_fragment));
    } else if (request.command == Command::block_status) {
        replies_.extents(request.cookie, extents);
    } else {
        replies_.done(request.cookie);
    }
}

Failure Session::reason_to_refuse(const Request& request) const {
    if (request.command > Command::block_status ||
        (request.flags & ~flags_allowed(request.command, structured_)) != 0) {
        return Failure::invalid;
    }
    if (request.command == Command::flush) {  // of what was acknowledged, so also at the end
        return Failure::none;
    }
    if (server_.draining) {
        return Failure::shutting_down;
    }
    if (request.writes() && disk_.options().read_only) {
        return Failure::not_permitted;
    }
    if (request.offset > disk_.size() || request.length > disk_.size() - request.offset) {
        return request.writes() && request.command != Command::trim ? Failure::no_space
                                                                    : Failure::invalid;
    }
    const bool makes_sense = request.command == Command::read ? request.length <= longest_data
                             : request.command == Command::block_status
                                 ? block_status_ && request.length > 0
                                 : true;
    return makes_sense ? Failure::none : Failure::invalid;
}

Failure Session::carry_out(const Request& request, std::vector<Extent>& extents) {
    if (request.length == 0 && request.command != Command::flush) {
        return Failure::none;
    }
    switch (request.command) {
        case Command::read:
            disk_.read(request.buffer.bytes(), request.offset);
            break;
        case Command::write:
            disk_.write(request.buffer.bytes(), request.offset);
            break;
        case Command::flush:
            disk_.flush();
            break;
        case Command::trim:
            disk_.trim(request.offset, request.length);
            break;
        case Command::cache:
            disk_.prefetch(request.offset, request.length);
            break;
        case Command::write_zeroes:
            if (!disk_.zero(request.offset, request.length,
                            {.may_be_hole = !request.has(command_flag::no_hole),
                             .only_fast = request.has(command_flag::fast_zero)})) {
                return Failure::not_supported;
            }
            break;
        case Command::block_status:
            extents = disk_.extents(request.offset, request.length,
                                    request.has(command_flag::one_extent) ? 1 : most_extents);
            break;
        case Command::disconnect:
            break;  // is no request
    }
    if (request.writes() && request.has(command_flag::fua)) {
        disk_.flush();
    }
    return Failure::none;
}

}  // namespace nbd
