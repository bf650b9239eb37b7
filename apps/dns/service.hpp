// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <coloop/coloop.hpp>

#include "cache.hpp"
#include "message.hpp"
#include "upstream.hpp"
#include "zone.hpp"

/// What is to be said to a query.
struct Reply {
    AnswerPtr answer = nullptr;
    std::uint32_t age = 0;
    Rcode code = Rcode::server_failure;  ///< if there is no answer
};

/// Knows who knows what: our zones, the cache, the upstreams.
class Service {
public:
    struct Options {
        std::size_t cache_bytes = std::size_t{64} << 20;
        std::size_t most_pending = 1000;  ///< questions that upstreams are asked at once
        Upstreams::Options upstreams;
    };

    Service(const Options& options, std::vector<Zone> zones);

    /// What can be said at once; no value if upstreams must be asked.
    std::optional<Reply> reply_now(const Query& query);

    /// Asks upstreams, once for all who want to know the same at that time.
    Reply reply_later(const Query& query);

    /// Room that the reply wants, if there is no limit.
    static std::size_t size_of(const Reply& reply);

    std::size_t write(const Query& query, const Reply& reply, std::size_t limit,
                      std::span<std::byte> out) const;

    void log_stats(const char* event) const;

private:
    struct Flight;

    std::optional<Reply> ask_zones(const Query& query, std::string&& key);
    void fly(const std::string& key, Flight& flight);

    const Options& options_;
    std::vector<Zone> zones_;
    Cache cache_;
    Upstreams upstreams_;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;

    struct {
        std::uint64_t queries = 0, hits = 0, asked = 0, joined = 0, failed = 0;
    } stats_;

    coloop::TaskGroup asking_{{.shielded = true}};  // ends before what it uses
};
