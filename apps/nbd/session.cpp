// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "protocol.hpp"
#include "replies.hpp"
#include "server.hpp"

namespace nbd {

namespace {

constexpr std::size_t header_size = 28;
constexpr std::size_t most_requests = 64;                   // that are under way; then nobody reads
constexpr std::size_t most_memory = std::size_t{64} << 20;  // for their data; the same holds
constexpr std::size_t payload_part = std::size_t{1} << 20;  // for which there is one time limit
constexpr std::size_t most_extents = 4096;                  // in an answer: 32 KiB

/// Gives back the memory of a request, of which a connection has a limited amount.
struct Return {
    coloop::CoSemaphore* memory;
    std::size_t size;

    void operator()(const std::byte* bytes) const {
        delete[] bytes;
        memory->release(size);
    }
};

/// What there is to know of a command before it is carried out.
struct Rule {
    int flags;  ///< that it may have; FUA always, for clients are known to put it everywhere
    bool writes;
    Failure beyond_the_end;
};

Rule rule_of(Command command) {
    using namespace command_flag;
    switch (command) {
        case Command::read:
            return {fua | dont_fragment, false, Failure::invalid};
        case Command::write:
            return {fua, true, Failure::no_space};
        case Command::trim:
            return {fua, true, Failure::invalid};
        case Command::write_zeroes:
            return {fua | no_hole | fast_zero, true, Failure::no_space};
        case Command::block_status:
            return {fua | one_extent, false, Failure::invalid};
        default:
            return {fua, false, Failure::invalid};
    }
}

struct Request {
    int flags;
    Command command;
    Cookie cookie;
    std::uint64_t offset;
    std::uint32_t length;
    std::unique_ptr<std::byte[], Return> data = {};

    [[nodiscard]] std::span<std::byte> bytes() const { return {data.get(), data ? length : 0}; }

    [[nodiscard]] bool has(int flag) const noexcept { return (flags & flag) != 0; }
};

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

class Session {
public:
    Session(coloop::Writer& client, coloop::BufReader& input, const Server& server,
            const Agreement& agreed)
        : input_(input),
          server_(server),
          agreed_(agreed),
          disk_(*agreed.disk),
          replies_(client, agreed.structured, server.stall_timeout) {}

    std::uint64_t run() {
        std::uint64_t count = 0;
        coloop::TaskGroup group({.limit = most_requests});
        try {
            while (std::optional<Request> request = next_request()) {
                group.spawn([this, mine = std::move(*request)] { answer(mine); },
                            {.name = "request"});
                ++count;
            }
        } catch (const coloop::Error&) {
            // An answer that the client did not take has closed the stream: that says more.
            if (const auto failures = group.failures(); !failures.empty()) {
                std::rethrow_exception(failures.front());
            }
            throw;
        }
        group.wait();
        return count;
    }

private:
    /// With its data. Nothing when the client has said that it goes, or has gone between requests.
    /// A client may be silent for as long as it likes, but not in the middle of a request.
    std::optional<Request> next_request() {
        if (input_.peek().empty()) {
            return std::nullopt;
        }
        Request request =
            coloop::with_timeout(server_.stall_timeout, [this] { return read_header(); });
        if (request.command == Command::disconnect) {
            return std::nullopt;
        }
        const bool is_write = request.command == Command::write;
        if (is_write && request.length > longest_data) {
            throw ProtocolError("a write of " + std::to_string(request.length) + " bytes");
        }
        if (is_write || (request.command == Command::read && request.length <= longest_data)) {
            memory_.acquire(request.length);
            request.data = {new std::byte[request.length], {&memory_, request.length}};
        }
        for (auto rest = is_write ? request.bytes() : std::span<std::byte>(); !rest.empty();) {
            const auto part = rest.first(std::min(rest.size(), payload_part));
            coloop::with_timeout(server_.stall_timeout, [&] { input_.read_exactly(part); });
            rest = rest.subspan(part.size());
        }
        return request;
    }

    Request read_header() {
        using coloop::read_be;
        coloop::MemoryReader header(input_.read_exactly(header_size));
        if (read_be<std::uint32_t>(header) != request_magic) {
            throw ProtocolError("a request without its magic");
        }
        return {.flags = read_be<std::uint16_t>(header),  // braces keep the order
                .command = Command{read_be<std::uint16_t>(header)},
                .cookie = read_be<Cookie>(header),
                .offset = read_be<std::uint64_t>(header),
                .length = read_be<std::uint32_t>(header)};
    }

    /// In a coroutine of its own.
    void answer(const Request& request) {
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
        if (failure == Failure::none && request.command == Command::read) {
            replies_.data(request.cookie, request.offset, request.bytes(),
                          request.has(command_flag::dont_fragment));
        } else if (failure == Failure::none && request.command == Command::block_status) {
            replies_.extents(request.cookie, extents);
        } else {
            replies_.status(request.cookie, failure, message);
        }
    }

    [[nodiscard]] Failure reason_to_refuse(const Request& request) const {
        const auto [flags, writes, beyond_the_end] = rule_of(request.command);
        const bool is_read = request.command == Command::read;
        const bool is_query = request.command == Command::block_status;
        if (request.command > Command::block_status || (request.flags & ~flags) != 0 ||
            (is_read && request.length > longest_data) ||
            (is_query && (!agreed_.block_status || request.length == 0))) {
            return Failure::invalid;
        }
        if (request.command == Command::flush) {  // of what was acknowledged, so also at the end
            return Failure::none;
        }
        if (server_.draining) {
            return Failure::shutting_down;
        }
        if (writes && disk_.read_only) {
            return Failure::not_permitted;
        }
        const bool fits =
            request.offset <= disk_.size && request.length <= disk_.size - request.offset;
        return fits ? Failure::none : beyond_the_end;
    }

    Failure carry_out(const Request& request, std::vector<Extent>& extents) {
        using namespace command_flag;
        const std::uint64_t offset = request.offset;
        const std::uint32_t length = request.length;
        if (length == 0 && request.command != Command::flush) {
            return Failure::none;
        }
        switch (request.command) {
            case Command::read:
                disk_.read(request.bytes(), offset);
                break;
            case Command::write:
                disk_.write(request.bytes(), offset);
                break;
            case Command::flush:
                disk_.flush();
                break;
            case Command::trim:
                disk_.trim(offset, length);
                break;
            case Command::cache:
                disk_.prefetch(offset, length);
                break;
            case Command::write_zeroes:
                if (!disk_.zero(offset, length, !request.has(no_hole), request.has(fast_zero))) {
                    return Failure::not_supported;
                }
                break;
            case Command::block_status:
                extents = disk_.extents(offset, length, request.has(one_extent) ? 1 : most_extents);
                break;
            case Command::disconnect:
                break;  // is no request
        }
        if (rule_of(request.command).writes && request.has(fua)) {
            disk_.flush();
        }
        return Failure::none;
    }

    coloop::BufReader& input_;
    const Server& server_;
    Agreement agreed_;
    Disk& disk_;
    Replies replies_;
    coloop::CoSemaphore memory_{most_memory};
};

}  // namespace

std::uint64_t serve_requests(coloop::Writer& client, coloop::BufReader& input, const Server& server,
                             const Agreement& agreed) {
    return Session(client, input, server, agreed).run();
}

}  // namespace nbd
