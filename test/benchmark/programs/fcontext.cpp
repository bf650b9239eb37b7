// SPDX-License-Identifier: MIT
//
// Boost.Context's bare switch, which keeps neither exception state nor errno: the baseline.
#include <array>
#include <cfenv>
#include <cstdlib>
#include <vector>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

#include "bench.hpp"
#include "frames.hpp"

namespace {

namespace fcontext = boost::context::detail;
using bench::Run;

constexpr int several = 64;
constexpr int depth = 4;
constexpr std::size_t stack_size = 65536;

/// One that is jumped to and jumps back for ever.
class Peer {
public:
    explicit Peer(void (*function)(fcontext::transfer_t)) {
        auto* stack = static_cast<char*>(std::malloc(stack_size));
        context_ = fcontext::make_fcontext(stack + stack_size, stack_size, function);
    }

    void enter() { context_ = fcontext::jump_fcontext(context_, nullptr).fctx; }

private:
    fcontext::fcontext_t context_;
};

void answer(fcontext::transfer_t transfer) {
    for (;;) {
        transfer = fcontext::jump_fcontext(transfer.fctx, nullptr);
    }
}

void answer_from_depth(fcontext::transfer_t transfer) {
    for (;;) {
        bench::below_frames(depth,
                            [&] { transfer = fcontext::jump_fcontext(transfer.fctx, nullptr); });
    }
}

void answer_inexactly(fcontext::transfer_t transfer) {
    bench::compute_inexactly();
    answer(transfer);
}

void enter_again_and_again(Run& run, Peer peer) {
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            peer.enter();
        }
    });
}

void round_trip(Run& run) { enter_again_and_again(run, Peer(answer)); }

void flags_differ(Run& run) {
    std::feclearexcept(FE_ALL_EXCEPT);
    enter_again_and_again(run, Peer(answer_inexactly));
}

void deep(Run& run) { enter_again_and_again(run, Peer(answer_from_depth)); }

void in_turn(Run& run) {
    std::vector<Peer> peers(several, Peer(answer));
    for (Peer& peer : peers) {
        peer = Peer(answer);  // each its own
    }
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            peers[static_cast<std::size_t>(i % several)].enter();
        }
    });
}

void batch_from_depth(Run& run) {
    std::vector<Peer> peers;
    for (int i = 0; i < several; ++i) {
        peers.emplace_back(answer_from_depth);
    }
    run.measure([&](long count) {
        for (long i = 0; i < count; i += several) {
            bench::below_frames(depth, [&] {
                for (Peer& peer : peers) {
                    peer.enter();
                }
            });
        }
    });
}

/// The function object stays with the caller: there is nothing in this API that would move it.
void add(fcontext::transfer_t transfer) {
    auto& function = *static_cast<std::pair<long*, long>*>(transfer.data);
    *function.first += function.second;
    fcontext::jump_fcontext(transfer.fctx, nullptr);
}

void create(Run& run) {
    boost::context::pooled_fixedsize_stack pool;
    long sum = 0;
    long expected = 0;
    run.measure([&](long count) {
        for (long i = 0; i < count; ++i) {
            boost::context::stack_context stack = pool.allocate();
            std::pair<long*, long> function(&sum, i);
            fcontext::jump_fcontext(fcontext::make_fcontext(stack.sp, stack.size, add), &function);
            pool.deallocate(stack);
        }
        expected += count * (count - 1) / 2;
    });
    bench::check(sum == expected, "each context ran");
}

/// All of so many that don't fit the caches; their stacks come from malloc() and have no guard.
void over_all(Run& run) {
    std::vector<Peer> peers;
    for (long i = 0; i < run.operations(); ++i) {
        peers.emplace_back(answer);
        peers.back().enter();
    }
    run.measure_cold([&] {
        for (Peer& peer : peers) {
            peer.enter();
        }
    });
}

constexpr bench::Test tests[] = {
    {"round-trip", round_trip}, {"flags-differ", flags_differ},         {"deep", deep},
    {"in-turn", in_turn},       {"batch-from-depth", batch_from_depth}, {"create", create},
    {"over-all", over_all},
};

}  // namespace

int main(int argc, char** argv) { return bench::main(argc, argv, tests); }
