// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include <uv.h>

#include <coloop/co_queue.hpp>
#include <coloop/dns.hpp>
#include <coloop/uv_error.hpp>

#include "loop/loop_state.hpp"

namespace coloop {

namespace {

constexpr std::size_t longest_name = 253;  // RFC 1035, 2.3.4

/// A lookup and what it found. Owned by the coroutine that waits; when that is cancelled the lookup
/// goes on without it, and its callback throws the result away.
struct Lookup {
    uv_getaddrinfo_t request;
    CoQueue waiter{"resolve a name"};
    int status = 0;
    bool done = false;
    bool abandoned = false;

    ~Lookup() {
        if (done && status == 0) {
            uv_freeaddrinfo(request.addrinfo);
        }
    }

    static void on_done(uv_getaddrinfo_t* request, int status, addrinfo* /*found*/) {
        auto* lookup = static_cast<Lookup*>(request->data);
        lookup->done = true;
        lookup->status = status;
        if (lookup->abandoned) {
            delete lookup;
        } else {
            lookup->waiter.wake_one();
        }
    }
};

std::vector<Address> addresses_of(const addrinfo* list) {
    std::vector<Address> addresses;
    for (; list != nullptr; list = list->ai_next) {
        addresses.push_back(Address::from_native(list->ai_addr));
    }
    return addresses;
}

}  // namespace

std::vector<Address> resolve(std::string_view host) { return resolve(host, std::nothrow).value(); }

Result<std::vector<Address>> resolve(std::string_view host, std::nothrow_t tag) noexcept {
    LoopState& state = LoopState::current("resolve a name");
    if (Wait::already_cancelled()) {
        return Error(Errc::cancelled, "resolve", host);
    }
    if (const Result<Address> address = Address::parse(host, 0, tag)) {
        return std::vector{*address};
    }
    if (host.empty() || host.size() > longest_name || host.find('\0') != std::string_view::npos) {
        return Error(uv_code(UV_EAI_NONAME), "resolve", host);
    }
    auto lookup = std::make_unique<Lookup>();
    lookup->request.data = lookup.get();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each type
    if (const int status = uv_getaddrinfo(state.uv(), &lookup->request, Lookup::on_done,
                                          std::string(host).c_str(), nullptr, &hints)) {
        return Error(uv_code(status), "resolve", host);
    }
    if (!lookup->waiter.wait(std::nothrow)) {
        if (!lookup->done) {  // it may have ended in the same turn of the loop
            lookup->abandoned = true;
            uv_cancel(reinterpret_cast<uv_req_t*>(&lookup.release()->request));
        }
        return Error(Errc::cancelled, "resolve", host);
    }
    if (lookup->status != 0) {
        return Error(uv_code(lookup->status), "resolve", host);
    }
    return addresses_of(lookup->request.addrinfo);
}

}  // namespace coloop
