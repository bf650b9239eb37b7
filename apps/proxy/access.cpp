// SPDX-License-Identifier: MIT
#include "access.hpp"

#include <coloop/clock.hpp>

#include "log.hpp"

namespace proxy {

Access::Access(Proxy& proxy, std::string_view protocol, const coloop::TcpStream& client)
    : proxy_(proxy), protocol_(protocol), since_(coloop::monotonic_clock().now()) {
    ++proxy_.served;
    if (const auto address = client.peer_address(std::nothrow)) {
        client_ = *address;
    }
}

Access::~Access() {
    if (!proxy_.settings.access_lines) {
        return;
    }
    constexpr std::int64_t nanoseconds_per_millisecond = 1'000'000;
    const std::int64_t took = coloop::monotonic_clock().now() - since_;
    LogLine line("access");
    line.add("protocol", protocol_).add("client", client_.to_string());
    for (const auto& [key, value] : {std::pair<std::string_view, std::string_view>("user", user),
                                     {"target", target},
                                     {"via", via}}) {
        if (!value.empty()) {
            line.add(key, value);
        }
    }
    line.add("up", up).add("down", down);
    line.add("ms", static_cast<std::uint64_t>(took / nanoseconds_per_millisecond));
    line.add("outcome", outcome);
}

}  // namespace proxy
