// SPDX-License-Identifier: MIT
//
// What the bare mechanism costs: no loop is involved.
#include <array>
#include <cfenv>
#include <memory>
#include <vector>

#include <coloop/coroutine.hpp>

#include "bench.hpp"
#include "frames.hpp"

namespace {

using bench::Run;
using coloop::Coroutine;

constexpr int several = 64;
constexpr int depth = 4;

[[gnu::noinline]] void empty_function() { asm volatile(""); }

void call(Run& run) {
    run.measure([](long count) {
        for (long i = 0; i < count; ++i) {
            empty_function();
        }
    });
}

/// A coroutine that never ends; nobody destroys it, because a suspended one can't be.
template <typename Function>
Coroutine& endless(Function function) {
    return *new Coroutine([function] {
        for (;;) {
            function();
        }
    });
}

void enter_again_and_again(Run& run, Coroutine& peer) {
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            peer.enter();
        }
    });
}

void round_trip(Run& run) {
    enter_again_and_again(run, endless([] { Coroutine::yield(); }));
}

/// The bare switch with more and more of what a coroutine keeps: `control` is the state of the
/// floating-point unit, `all` also errno and the exceptions in flight.
enum class Kept { nothing, control, all };

template <Kept kept>
class Bare {
public:
    Bare() {
        coloop::detail::make_context(context_, stack_.data(), stack_.data() + stack_.size(), answer,
                                     this);
    }

    [[gnu::always_inline]] void swap(coloop::detail::Side side) {
        if constexpr (kept != Kept::nothing) {
            coloop::detail::store_control(state_.control[side]);
        }
        if constexpr (kept == Kept::all) {
            state_.leave(*error_number_, *exceptions_);
        }
        coloop::detail::swap_context(context_);
        if constexpr (kept != Kept::nothing) {
            state_.arrive(side);
        }
    }

private:
    static coloop::detail::Context* answer(void* self) {
        auto& bare = *static_cast<Bare*>(self);
        bare.state_.control[coloop::detail::inside] = bare.state_.control[coloop::detail::outside];
        for (;;) {
            bare.swap(coloop::detail::inside);
        }
    }

    coloop::detail::Context context_{};
    coloop::detail::RuntimeState state_{};
    int* error_number_ = coloop::detail::thread.error_number;
    coloop::detail::ExceptionGlobals* exceptions_ = coloop::detail::thread.exceptions;
    alignas(64) std::array<std::byte, 65536> stack_;
};

template <Kept kept>
void bare(Run& run) {
    const Coroutine prepares_the_thread([] {});
    auto& peer = *new Bare<kept>;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            peer.swap(coloop::detail::outside);
        }
    });
}

void flags_differ(Run& run) {
    std::feclearexcept(FE_ALL_EXCEPT);
    enter_again_and_again(run, *new Coroutine([] {
                              bench::compute_inexactly();
                              for (;;) {
                                  Coroutine::yield();
                              }
                          }));
}

[[gnu::noinline]] void last_frame() {
    Coroutine::yield();
    asm volatile("");
}

constexpr auto yield_from_depth = [] { bench::below_frames(depth, last_frame); };

void deep(Run& run) { enter_again_and_again(run, endless(yield_from_depth)); }

template <typename Function>
std::array<Coroutine*, several> make_several(Function function) {
    std::array<Coroutine*, several> peers{};
    for (Coroutine*& peer : peers) {
        peer = &endless(function);
    }
    return peers;
}

void in_turn(Run& run) {
    const auto peers = make_several([] { Coroutine::yield(); });
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            peers[static_cast<std::size_t>(i % several)]->enter();
        }
    });
}

void batch_from_depth(Run& run) {
    const auto peers = make_several(yield_from_depth);
    run.measure([&](long count) {
        for (long i = 0; i < count; i += several) {
            bench::below_frames(depth, [&] {
                for (Coroutine* peer : peers) {
                    peer->enter();
                }
            });
        }
    });
}

void create(Run& run) {
    long sum = 0;
    long expected = 0;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            Coroutine coroutine([&sum, i] { sum += i; });
            coroutine.enter();
        }
        expected += count * (count - 1) / 2;
    });
    bench::check(sum == expected, "each coroutine ran");
}

void nest(int levels) {
    if (levels > 0) {
        Coroutine inner([levels] { nest(levels - 1); });
        inner.enter();
    }
}

void nested(Run& run) {
    constexpr int levels = 1000;
    run.measure([](long count) {
        for (long i = 0; i < count; i += levels) {
            nest(levels);
        }
    });
}

/// All of so many that don't fit the caches; counts rounds over all of them.
void over_all(Run& run) {
    std::vector<Coroutine*> peers;
    for (long i = 0; i < run.operations(); ++i) {
        peers.push_back(&endless([] { Coroutine::yield(); }));
        peers.back()->enter();
    }
    run.measure_cold([&] {
        for (Coroutine* peer : peers) {
            peer->enter();
        }
    });
}

constexpr bench::Test tests[] = {
    {"bare", bare<Kept::nothing>},
    {"bare-control", bare<Kept::control>},
    {"bare-all", bare<Kept::all>},
    {"call", call},
    {"round-trip", round_trip},
    {"flags-differ", flags_differ},
    {"deep", deep},
    {"in-turn", in_turn},
    {"batch-from-depth", batch_from_depth},
    {"create", create},
    {"nested", nested},
    {"over-all", over_all},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }
