// SPDX-License-Identifier: MIT
#include <atomic>

#include <coloop/coroutine_local.hpp>

#include "base/misuse.hpp"
#include "coroutine/access.hpp"

namespace coloop {

namespace {

constinit std::atomic<std::uint64_t> last_key = 0;

Coroutine& caller() noexcept {
    const detail::Thread& thread = detail::thread;
    Coroutine* coroutine = thread.current != nullptr ? thread.current : thread.lent;
    if (coroutine == nullptr) [[unlikely]] {
        misuse(
            "a coroutine-local value was asked for outside a coroutine; there is none to have it");
    }
    return *coroutine;
}

}  // namespace

LocalKey::LocalKey() noexcept : key_(last_key.fetch_add(1, std::memory_order_relaxed) + 1) {}

LocalSlot* LocalKey::find() const noexcept {
    LocalSlot* slot = CoroutineAccess::locals(caller());
    while (slot != nullptr && slot->key != key_) {
        slot = slot->next;
    }
    return slot;
}

void LocalKey::add(LocalSlot& slot) const noexcept {
    LocalSlot*& first = CoroutineAccess::locals(caller());
    slot.key = key_;
    slot.next = first;
    first = &slot;
}

/// The coroutine has returned, and whoever waited for that may have been told, so it must not stop
/// any more: it is none while the destructors run.
void Coroutine::destroy_locals() noexcept {
    detail::thread.current = nullptr;
    while (locals_ != nullptr) {
        LocalSlot& slot = *locals_;
        locals_ = slot.next;
        slot.destroy(slot);
    }
}

}  // namespace coloop
