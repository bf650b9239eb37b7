// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include <uv.h>

#include <coloop/dns.hpp>
#include <coloop/uv_error.hpp>

#include "io/request.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

constexpr std::size_t longest_name = 253;  // RFC 1035, 2.3.4

/// A lookup and what it found.
class Lookup final : public PoolRequest {
public:
    explicit Lookup(LoopState& state)
        : PoolRequest(state, reinterpret_cast<uv_req_t*>(&uv_), {"resolve a name"}) {}

    int start(const char* host) noexcept {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;  // else each address comes once for each type
        uv_.data = this;
        return started(uv_getaddrinfo(
            state().uv(), &uv_,
            [](uv_getaddrinfo_t* uv, int status, addrinfo* found) {
                auto* lookup = static_cast<Lookup*>(uv->data);
                lookup->status_ = status;
                lookup->found_.reset(found);
                lookup->finished();
            },
            host, nullptr, &hints));
    }

    [[nodiscard]] int status() const noexcept { return status_; }

    [[nodiscard]] const addrinfo* found() const noexcept { return found_.get(); }

private:
    struct Free {
        void operator()(addrinfo* list) const noexcept { uv_freeaddrinfo(list); }
    };

    uv_getaddrinfo_t uv_;
    int status_ = 0;
    std::unique_ptr<addrinfo, Free> found_;
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
    const RequestPtr<Lookup> lookup(new Lookup(state));
    if (const int status = lookup->start(std::string(host).c_str())) {
        return Error(uv_code(status), "resolve", host);
    }
    if (!lookup->wait(PoolRequest::Kind::orphanable)) {
        return Error(Errc::cancelled, "resolve", host);
    }
    if (lookup->status() != 0) {
        return Error(uv_code(lookup->status()), "resolve", host);
    }
    return addresses_of(lookup->found());
}

}  // namespace coloop
