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

#include "../common/keyed_hash.hpp"
#include "cache.hpp"
#include "upstream.hpp"
#include "zone.hpp"

/// Knows who knows what: our zones, the cache, the upstreams.
class Service {
public:
    Service(std::vector<Zone> zones, std::size_t cache_bytes, const Upstreams::Options& upstreams);

    /// What can be said at once; no value if upstreams must be asked.
    std::optional<Reply> reply_now(const Query& query);

    /// Asks upstreams, once for all who want to know the same at that time.
    Reply reply_later(const Query& query);

    /// Writes the reply for who asks into `out`, as much as there is room for, and returns it.
    Message write(const Query& query, const Reply& reply, std::span<std::byte> out) const {
        const bool recursion = !upstreams_.empty();
        return out.first(write_reply(query, *reply.answer, reply.age, recursion, out));
    }

    void log_stats(std::string_view event) const;

private:
    /// A question that upstreams are being asked.
    struct Flight {
        AnswerPtr answer;
        coloop::Event landed;
    };

    void fly(const std::string& key, Flight& flight);

    std::vector<Zone> zones_;  // the deepest first
    std::string key_;          // of the query that is answered now; keeps its memory
    Cache cache_;
    Upstreams upstreams_;
    std::unordered_map<std::string, std::shared_ptr<Flight>, common::KeyedHash> flights_;
    std::size_t waiting_ = 0;  // queries, for flights to land

    struct {
        std::uint64_t queries = 0, hits = 0, asked = 0, joined = 0, failed = 0;
    } stats_;

    coloop::TaskGroup asking_{{.shielded = true}};  // ends before what it uses
};
