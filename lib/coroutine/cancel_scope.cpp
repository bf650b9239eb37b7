// SPDX-License-Identifier: MIT
//
// Scopes form a tree along which cancelling spreads at once, so that a wait need only look at one
// flag of the innermost scope. A shield ends the spreading. Each scope has one coroutine; those of
// a task group's children hang below the group's scope.
#include <string>
#include <utility>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/wait.hpp>

#include "base/misuse.hpp"
#include "coroutine/report.hpp"

namespace coloop {

namespace {

// These are not inline, so that opening and closing a scope need no room for a text.

[[noreturn, gnu::noinline, gnu::cold]] void refuse_to_open() noexcept {
    misuse("a cancel scope was opened outside a coroutine; there is nothing to cancel");
}

[[noreturn, gnu::noinline, gnu::cold]] void refuse_to_close() noexcept {
    misuse(std::string("a cancel scope was closed while a scope inside it is open") +
           (in_coroutine() ? ", in " + describe(*Coroutine::self()) : std::string()) +
           "; scopes nest as blocks do, and coroutines inside must end first");
}

Coroutine* require_self() noexcept {
    Coroutine* self = Coroutine::self();
    if (self == nullptr) [[unlikely]] {
        refuse_to_open();
    }
    return self;
}

}  // namespace

CancelScope::CancelScope(Kind kind)
    : coroutine_(require_self()),
      outer_(coroutine_->scope_),
      parent_(coroutine_->scope_),
      kind_(kind) {
    open();
}

CancelScope::CancelScope(Timed /*tag*/) : CancelScope(Kind::plain) { timed_ = true; }

CancelScope::CancelScope(Below place)
    : coroutine_(require_self()),
      outer_(coroutine_->scope_),
      parent_(&place.parent),
      kind_(Kind::plain) {
    open();
}

CancelScope::CancelScope(Detached /*tag*/, CancelScope* parent) noexcept
    : coroutine_(nullptr), outer_(nullptr), parent_(parent), kind_(Kind::plain) {
    open();
}

CancelScope* CancelScope::innermost() noexcept {
    const Coroutine* self = Coroutine::self();
    return self == nullptr ? nullptr : self->scope_;
}

void CancelScope::open() noexcept {
    if (coroutine_ != nullptr) {
        coroutine_->scope_ = this;
    }
    if (parent_ != nullptr) {
        parent_->children_.push_back(*this);
        cancelled_ = kind_ == Kind::plain && parent_->cancelled_;
    }
}

CancelScope::~CancelScope() {
    if (!children_.empty() || (coroutine_ != nullptr && coroutine_->scope_ != this)) [[unlikely]] {
        refuse_to_close();
    }
    if (coroutine_ != nullptr) {
        coroutine_->scope_ = outer_;
    }
    if (is_linked()) {
        unlink();
    }
}

void CancelScope::cancel() noexcept {
    called_ = true;
    if (!cancelled_) {
        spread();
    }
}

/// Not recursive, as the tree may be deeper than the caller's stack: scopes that are still to come
/// are taken out of their parents' lists, and put back one by one, in their order.
void CancelScope::spread() noexcept {
    IntrusiveList<CancelScope> to_come;
    IntrusiveList<CancelScope> after_these;
    CancelScope* next = this;
    while (next != nullptr) {
        CancelScope& scope = *std::exchange(next, nullptr);
        scope.cancelled_ = true;
        if (scope.coroutine_ != nullptr && scope.coroutine_->scope_ == &scope) {
            Wait* wait = scope.coroutine_->wait_;
            if (wait != nullptr && wait->cancellable_) {
                wait->settle(Wait::Outcome::cancelled);
            }
        }
        after_these.take_all(to_come);
        to_come.take_all(scope.children_);
        to_come.take_all(after_these);
        while (next == nullptr && !to_come.empty()) {
            CancelScope& first = to_come.pop_front();
            first.parent_->children_.push_back(first);
            next = first.kind_ == Kind::plain && !first.cancelled_ ? &first : nullptr;
        }
    }
}

bool CancelScope::absorbs() const noexcept {
    return called_ && (kind_ == Kind::shield || parent_ == nullptr || !parent_->cancelled_);
}

void check_cancelled() {
    if (in_coroutine() && Wait::already_cancelled()) {
        throw Cancelled();
    }
}

}  // namespace coloop
