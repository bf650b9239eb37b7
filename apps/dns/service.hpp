// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <coloop/coloop.hpp>

#include "cache.hpp"
#include "message.hpp"
#include "upstream.hpp"
#include "zone.hpp"

/// Knows who knows what: our zones, the cache, the upstreams.
class Service {
public:
    /// Questions that upstreams are asked at once, and queries that wait for that.
    static constexpr std::size_t most_pending = 1000;

    Service(std::vector<Zone> zones, std::size_t cache_bytes, const Upstreams::Options& upstreams)
        : zones_(std::move(zones)), cache_(cache_bytes), upstreams_(upstreams) {}

    /// What can be said at once; no value if upstreams must be asked.
    std::optional<Reply> reply_now(const Query& query);

    /// Asks upstreams, once for all who want to know the same at that time.
    Reply reply_later(const Query& query);

    /// True if there are upstreams.
    [[nodiscard]] bool asks_others() const { return !upstreams_.empty(); }

    void log_stats(std::string_view event) const;

private:
    struct Flight;

    std::optional<Reply> ask_zones(const Query& query, std::string&& key);
    void fly(const std::string& key, Flight& flight);

    std::vector<Zone> zones_;
    Cache cache_;
    Upstreams upstreams_;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;

    struct {
        std::uint64_t queries = 0, hits = 0, asked = 0, joined = 0, failed = 0;
    } stats_;

    coloop::TaskGroup asking_{{.shielded = true}};  // ends before what it uses
};
