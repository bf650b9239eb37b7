// SPDX-License-Identifier: MIT
#include "service.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <utility>

#include "../common/log.hpp"

namespace {

constexpr std::size_t most_pending = 1000;  // queries that wait, and questions to upstreams

Reply failure(Rcode code) { return {std::make_shared<const Answer>(Answer{.code = code})}; }

/// Transfers, other classes than the Internet's, and types that are about messages.
bool is_refused(const Query& query) {
    return query.record_class != LDNS_RR_CLASS_IN ||
           (query.type >= LDNS_RR_TYPE_TKEY && query.type <= LDNS_RR_TYPE_MAILA);
}

}  // namespace

Service::Service(std::vector<Zone> zones, std::size_t cache_bytes,
                 const Upstreams::Options& upstreams)
    : zones_(std::move(zones)), cache_(cache_bytes), upstreams_(upstreams) {
    std::ranges::sort(zones_, std::greater(), &Zone::depth);
}

std::optional<Reply> Service::reply_now(const Query& query) {
    ++stats_.queries;
    if (query.fault != Rcode::no_error || is_refused(query)) {
        return failure(query.fault != Rcode::no_error ? query.fault : Rcode::refused);
    }
    query.put_key(key_);
    if (std::optional<Reply> hit = cache_.find(key_)) {
        ++stats_.hits;
        return hit;
    }
    const std::size_t size = query.question.size() - 4;
    const NamePtr name(ldns_dname_new_frm_data(static_cast<std::uint16_t>(size), key_.data()),
                       ldns_rdf_deep_free);
    const auto zone =
        std::ranges::find_if(zones_, [&](const Zone& each) { return each.contains(name.get()); });
    if (zone != zones_.end()) {
        AnswerPtr answer = zone->answer(name.get(), ldns_rr_type(query.type));
        if (!answer) {
            return failure(Rcode::server_failure);  // it would be longer than a message can be
        }
        if (answer->authoritative) {
            cache_.put(key_, answer);
        }
        return Reply{std::move(answer)};
    }
    if (upstreams_.empty() || !query.wants_recursion()) {
        return failure(Rcode::refused);
    }
    return std::nullopt;
}

Reply Service::reply_later(const Query& query) {
    std::string key;
    query.put_key(key);
    const auto found = flights_.find(key);
    std::shared_ptr<Flight> flight = found != flights_.end() ? found->second : nullptr;
    if (waiting_ == most_pending || (!flight && flights_.size() == most_pending)) {
        return failure(Rcode::server_failure);
    }
    if (flight) {
        ++stats_.joined;
    } else {
        flight = std::make_shared<Flight>();
        asking_.spawn([this, key, flight] { fly(key, *flight); }, {.name = "question"});
        flights_.emplace(key, flight);
    }
    ++waiting_;
    static_cast<void>(flight->landed.wait(std::nothrow));
    --waiting_;
    return flight->answer ? Reply{flight->answer} : failure(Rcode::server_failure);
}

/// In a coroutine of its own: whoever asked first may go away.
void Service::fly(const std::string& key, Flight& flight) {
    ++stats_.asked;
    try {
        flight.answer = upstreams_.ask(key);
    } catch (...) {  // also when it is cancelled: all who wait must go on
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
                        {"upstream_failed", upstream.failed},
                        {"upstream_wrong", upstream.wrong},
                        {"upstream_tcp", upstream.over_tcp}});
}
