// SPDX-License-Identifier: MIT
#include "service.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "../log.hpp"
#include "bytes.hpp"

namespace {

/// RFC 8482: what to say to those who ask for everything.
AnswerPtr make_minimal_answer(const Query& query, bool authoritative) {
    constexpr std::array<std::uint8_t, 21> record{
        0xC0, 0x0C, 0, 13, 0, 1, 0, 0, 14, 16, 0, 9, 7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
    auto answer = std::make_shared<Answer>();
    answer->authoritative = authoritative;
    answer->wire.resize(header_size + query.question.size() + record.size());
    const std::span<std::byte> wire = answer->wire;
    put16(wire, 4, 1);
    put16(wire, 6, 1);
    std::ranges::copy(query.question, wire.subspan(header_size).begin());
    std::ranges::copy(std::as_bytes(std::span(record)), wire.last(record.size()).begin());
    return answer;
}

/// What is wrong with a query that makes sense but is not for us.
Rcode refusal_of(const Query& query) {
    if (query.fault != Rcode::no_error) {
        return query.fault;
    }
    if (query.record_class != class_in || query.type == type::axfr || query.type == type::ixfr) {
        return Rcode::refused;
    }
    return query.type >= 249 && query.type < type::any ? Rcode::not_implemented : Rcode::no_error;
}

}  // namespace

/// A question that upstreams are being asked.
struct Service::Flight {
    explicit Flight(const Query& asked)
        : question(asked.question.begin(), asked.question.end()), query(asked) {
        query.question = question;
    }

    std::vector<std::byte> question;
    Query query;
    AnswerPtr answer = nullptr;
    coloop::Event landed = {};
};

Service::Service(const Options& options, std::vector<Zone> zones)
    : options_(options),
      zones_(std::move(zones)),
      cache_(options.cache_bytes),
      upstreams_(options.upstreams) {}

std::optional<Reply> Service::reply_now(const Query& query) {
    ++stats_.queries;
    if (const Rcode code = refusal_of(query); code != Rcode::no_error) {
        return Reply{.code = code};
    }
    std::string key = query.key();
    if (const std::optional<Cache::Hit> hit = cache_.find(key)) {
        ++stats_.hits;
        return Reply{hit->answer, hit->age};
    }
    if (auto reply = ask_zones(query, std::move(key))) {
        return reply;
    }
    if (upstreams_.empty() || !query.wants_recursion()) {
        return Reply{.code = Rcode::refused};
    }
    if (query.type == type::any) {
        return Reply{make_minimal_answer(query, false)};
    }
    return std::nullopt;
}

std::optional<Reply> Service::ask_zones(const Query& query, std::string&& key) {
    const std::string_view name = std::string_view(key).substr(0, query.question.size() - 4);
    const Zone* zone = nullptr;
    for (const Zone& one : zones_) {
        if (one.contains(name) && (zone == nullptr || one.is_below(*zone))) {
            zone = &one;
        }
    }
    if (zone == nullptr) {
        return std::nullopt;
    }
    AnswerPtr answer = zone->answer(query);
    if (!answer) {
        return Reply{};
    }
    if (query.type == type::any && answer->authoritative && (get16(answer->wire, 2) & 15) == 0) {
        answer = make_minimal_answer(query, true);
    }
    if (answer->authoritative) {
        cache_.put(std::move(key), answer);
    }
    return Reply{answer};
}

Reply Service::reply_later(const Query& query) {
    const std::string key = query.key();
    std::shared_ptr<Flight> flight;
    if (const auto found = flights_.find(key); found != flights_.end()) {
        ++stats_.joined;
        flight = found->second;
    } else if (flights_.size() < options_.most_pending) {
        flight = std::make_shared<Flight>(query);
        asking_.spawn([this, key, flight] { fly(key, *flight); }, {.name = "question"});
        flights_.emplace(key, flight);
    } else {
        return {};
    }
    flight->landed.wait();
    return {flight->answer};
}

void Service::fly(const std::string& key, Flight& flight) {
    struct Landing {
        ~Landing() {
            flights.erase(key);
            flight.landed.set();
        }

        decltype(Service::flights_)& flights;
        const std::string& key;
        Flight& flight;
    } const landing{flights_, key, flight};

    ++stats_.asked;
    try {
        flight.answer = upstreams_.ask(flight.query);
    } catch (const std::exception& error) {  // it must not end those of others
        log("event=error text=\"{}\"", error.what());
    }
    if (!flight.answer) {
        ++stats_.failed;
    } else if (flight.answer->ttl > 0) {
        cache_.put(key, flight.answer);
    }
}

std::size_t Service::size_of(const Reply& reply) {
    constexpr std::size_t most_without_records = header_size + 255 + 4 + 11;
    return std::max(most_without_records, reply.answer ? reply.answer->wire.size() + 11 : 0);
}

std::size_t Service::write(const Query& query, const Reply& reply, std::size_t limit,
                           std::span<std::byte> out) const {
    const bool recursion = !upstreams_.empty();
    return reply.answer ? write_answer(query, *reply.answer, reply.age, recursion, limit, out)
                        : write_error(query, reply.code, recursion, out);
}

void Service::log_stats(const char* event) const {
    const Upstreams::Stats& upstream = upstreams_.stats();
    log("event={} queries={} cache_hits={} cache_entries={} cache_bytes={} asked={} joined={} "
        "failed={} upstream_sent={} upstream_timeouts={} upstream_wrong={} upstream_tcp={}",
        event, stats_.queries, stats_.hits, cache_.size(), cache_.bytes(), stats_.asked,
        stats_.joined, stats_.failed, upstream.sent, upstream.timeouts, upstream.wrong,
        upstream.over_tcp);
}
