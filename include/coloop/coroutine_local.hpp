// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include <coloop/coroutine.hpp>
#include <coloop/export.hpp>

namespace coloop {

/// What a coroutine keeps for one CoroutineLocal.
struct LocalSlot {
    LocalSlot* next;
    std::uint64_t key;
    void (*destroy)(LocalSlot& slot) noexcept;
};

/// What tells one CoroutineLocal from all others, those too that are gone.
class COLOOP_EXPORT LocalKey {
protected:
    LocalKey() noexcept;
    ~LocalKey() = default;
    LocalKey(const LocalKey&) = delete;
    LocalKey& operator=(const LocalKey&) = delete;

    /// The calling coroutine's slot, null if it has none yet. Misuse outside a coroutine.
    [[nodiscard]] LocalSlot* find() const noexcept;

    /// Gives the calling coroutine a slot.
    void add(LocalSlot& slot) const noexcept;

private:
    std::uint64_t key_;
};

/// A variable of which each coroutine has its own: the counterpart of thread_local.
///
///     coloop::CoroutineLocal<std::string> request_id;  // a global, a static or a member
///     *request_id = header("X-Request-Id");
///     log(*request_id);  // further down in the same coroutine
///
/// The value is made when its coroutine first asks for it, on the heap, and destroyed when that
/// ends, the latest first. The destructor may not wait, nor ask for coroutine-local values.
/// Coroutines that ask for none pay nothing.
///
/// Not inherited: a coroutine begins with a new value, whoever spawns it, because copying would
/// cost every spawn. What a child is to know, its function captures:
/// `group.spawn([id = *request_id] { *request_id = id; ... })`.
///
/// A CoroutineLocal may be used on many threads at once, and destroyed before the values.
template <typename T>
class CoroutineLocal : private LocalKey {
public:
    CoroutineLocal() requires std::default_initializable<T> : CoroutineLocal([] { return T(); }) {}

    /// Values begin as `make()`, which is called by the coroutine that first asks for its own.
    template <typename Make>
    requires std::is_invocable_r_v<T, const Make&>

    explicit CoroutineLocal(Make make) : make_(std::move(make)) {}

    /// The calling coroutine's value. Misuse outside a coroutine; inside run_on_loop_stack() it is
    /// that of the coroutine which called that.
    T& operator*() const {
        LocalSlot* slot = find();
        if (slot == nullptr) {
            slot = new Value{{}, make_()};
            slot->destroy = [](LocalSlot& done) noexcept { delete static_cast<Value*>(&done); };
            add(*slot);
        }
        return static_cast<Value*>(slot)->value;
    }

    T* operator->() const { return &**this; }

private:
    struct Value : LocalSlot {
        T value;
    };

    std::function<T()> make_;
};

}  // namespace coloop
