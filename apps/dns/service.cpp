// SPDX-License-Identifier: MIT
#include "service.hpp"

#include <array>
#include <exception>
#include <utility>

#include "../common/log.hpp"
#include "packet.hpp"

namespace {

/// RFC 8482: what to say to those who ask for everything.
AnswerPtr make_minimal_answer(const Query& query, bool authoritative) {
    constexpr std::array<std::uint8_t, 21> record{
        0xC0, 0x0C, 0, 13, 0, 1, 0, 0, 14, 16, 0, 9, 7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
    auto answer = std::make_shared<Answer>();
    answer->authoritative = authoritative;
    answer->wire.resize(header_size + query.question.size() + record.size());
    const std::span<std::byte> wire = answer->wire;
    put16(wire, 6, 1);  // answer; the rest of the header and the question are put in later
    std::ranges::copy(std::as_bytes(std::span(record)), wire.last(record.size()).begin());
    return answer;
}

/// What is wrong with a query that makes sense but is not for us.
Rcode refusal_of(const Query& query) {
    if (query.fault != Rcode::no_error) {
        return query.fault;
    }
    if (query.record_class != LDNS_RR_CLASS_IN || query.type == LDNS_RR_TYPE_AXFR ||
        query.type == LDNS_RR_TYPE_IXFR) {
        return Rcode::refused;
    }
    const bool is_about_messages = query.type >= 249 && query.type < LDNS_RR_TYPE_ANY;
    return is_about_messages ? Rcode::not_implemented : Rcode::no_error;
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

std::optional<Reply> Service::reply_now(const Query& query) {
    ++stats_.queries;
    if (const Rcode code = refusal_of(query); code != Rcode::no_error) {
        return Reply{.code = code};
    }
    std::string key = query.key();
    if (std::optional<Reply> hit = cache_.find(key)) {
        ++stats_.hits;
        return hit;
    }
    if (auto reply = ask_zones(query, std::move(key))) {
        return reply;
    }
    if (!asks_others() || !query.wants_recursion()) {
        return Reply{.code = Rcode::refused};
    }
    if (query.type == LDNS_RR_TYPE_ANY) {
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
    if (answer && query.type == LDNS_RR_TYPE_ANY && answer->authoritative &&
        code_of(answer->wire) == Rcode::no_error) {
        answer = make_minimal_answer(query, true);
    }
    if (answer && answer->authoritative) {
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
    } else if (flights_.size() < most_pending) {
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
    ++stats_.asked;
    try {
        flight.answer = upstreams_.ask(flight.query);
    } catch (const std::exception& error) {  // it must not end those of others
        common::log("error", {{"reason", error.what()}});
    } catch (const coloop::Cancelled&) {  // nobody will hear the answer, but all must go on
    }
    flights_.erase(key);
    flight.landed.set();
    if (!flight.answer) {
        ++stats_.failed;
    } else if (flight.answer->ttl > 0) {
        cache_.put(key, flight.answer);
    }
}

void Service::log_stats(std::string_view event) const {
    const Upstreams::Stats& upstream = upstreams_.stats();
    common::log(event, {{"queries", stats_.queries},
                        {"cache_hits", stats_.hits},
                        {"cache_entries", cache_.size()},
                        {"cache_bytes", cache_.bytes()},
                        {"asked", stats_.asked},
                        {"joined", stats_.joined},
                        {"failed", stats_.failed},
                        {"upstream_sent", upstream.sent},
                        {"upstream_timeouts", upstream.timeouts},
                        {"upstream_wrong", upstream.wrong},
                        {"upstream_tcp", upstream.over_tcp}});
}
