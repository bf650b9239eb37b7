// SPDX-License-Identifier: MIT
//
// A call crosses to the other loop and back as two messages, and a cancellation as two more. Each
// is a link that lies in the caller's frame and is under way at most once; the caller stays until
// nothing of it is on the other side any more.
#include <exception>
#include <memory>

#include <uv.h>

#include <coloop/call_on.hpp>
#include <coloop/remote_wait.hpp>
#include <coloop/uv_error.hpp>
#include <coloop/wait.hpp>

#include "coroutine/access.hpp"
#include "loop/loop_state.hpp"

namespace coloop {

namespace {

class RemoteCall {
public:
    RemoteCall(LoopState& there, detail::Call call, const CoroutineOptions& options)
        : there_(there), mailbox_(there.share_mailbox()), call_(call), options_(options) {}

    /// On the caller's side.
    void run() {
        if (!mailbox_->post(begin_)) {
            refused().raise();
        }
        const bool cancelled = !ended_.wait();
        if (cancelled) {
            if (mailbox_->post(cancel_)) {
                cancel_seen_.wait_in_shield();
            }
            ended_.wait_in_shield();
        }
        if (failure_ != nullptr) {
            std::rethrow_exception(failure_);
        }
        if (cut_short_) {
            if (cancelled) {
                throw Cancelled();
            }
            throw Error(uv_code(UV_ECANCELED), "call on another loop", options_.name);
        }
    }

private:
    /// A message that calls a member function on the other side.
    template <void (RemoteCall::*Function)() noexcept>
    class Message final : public detail::Posted {
    public:
        explicit Message(RemoteCall& call) noexcept
            : Posted(
                  [](Posted& self) noexcept { (static_cast<Message&>(self).call_.*Function)(); }),
              call_(call) {}

    private:
        RemoteCall& call_;
    };

    [[nodiscard]] Error refused() const {
        return {make_error_code(Errc::closed), "call on a loop that is being left", options_.name};
    }

    // On the other side; after a wake the call may be gone.

    void begin() noexcept {
        Result<void> started = there_.start(
            CoroutineAccess::create([this] { run_in_coroutine(); }, options_), options_.name);
        if (!started) {
            const bool closed = started.error().code() == Errc::closed;
            failure_ = std::make_exception_ptr(closed ? refused() : started.error());
            ended_.wake();
        }
    }

    void run_in_coroutine() noexcept {
        {
            CancelScope scope(CancelScope::Below{there_.root()});
            scope_ = &scope;
            if (cancelled_) {
                scope.cancel();
            }
            try {
                call_.function(call_.argument);
            } catch (const Cancelled&) {
                cut_short_ = true;
            } catch (...) {  // it is the caller's to handle
                failure_ = std::current_exception();
            }
            scope_ = nullptr;
        }
        there_.end_coroutine();
        ended_.wake();
    }

    void cancel() noexcept {
        cancelled_ = true;
        if (scope_ != nullptr) {
            scope_->cancel();
        }
        cancel_seen_.wake();
    }

    LoopState& there_;
    std::shared_ptr<detail::Mailbox>
        mailbox_;  // may close, and its loop go, before the caller does
    detail::Call call_;
    const CoroutineOptions& options_;
    CancelScope* scope_ = nullptr;
    bool cancelled_ = false;
    bool cut_short_ = false;
    std::exception_ptr failure_;
    detail::RemoteWait ended_{"call a function on another loop"};
    detail::RemoteWait cancel_seen_{"cancel a function on another loop"};
    Message<&RemoteCall::begin> begin_{*this};
    Message<&RemoteCall::cancel> cancel_{*this};
};

}  // namespace

void detail::run_on(Loop& loop, Call call, const CoroutineOptions& options) {
    RemoteCall remote(LoopState::of(loop), call, options);
    if (Wait::already_cancelled()) {
        throw Cancelled();
    }
    remote.run();
}

}  // namespace coloop
