// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include <coloop/detail/switch.hpp>

#include "context/stack.hpp"

using namespace coloop;
using detail::Context;

namespace {

constexpr std::size_t stack_size = std::size_t{256} << 10;

/// A context on a stack of its own that runs `function(context)`.
class Side {
public:
    template <typename Function>
    explicit Side(Function& function) : stack_(take_stack(stack_size)), function_(&function) {
        call_ = [](Side& side) { (*static_cast<Function*>(side.function_))(side.context_); };
        make_context(context_, stack_->low, stack_->top(), run, this);
    }

    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;

    ~Side() {
        discard_context(context_);
        give_stack(*stack_);
    }

    void swap() { swap_context(context_); }

private:
    static Context* run(void* self) {
        auto& side = *static_cast<Side*>(self);
        side.call_(side);
        return &side.context_;
    }

    Context context_;
    Stack* stack_;
    void* function_;
    void (*call_)(Side& side);
};

/// More values than there are registers, used before and after each swap, so that all are taken.
template <typename Swap>
double churn(std::uint64_t seed, Swap swap) {
    std::array<std::uint64_t, 24> numbers{};
    std::array<double, 24> reals{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = seed * (i + 1);
        reals[i] = static_cast<double>(seed) / static_cast<double>(i + 1);
    }
    for (int round = 0; round < 100; ++round) {
        swap();
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            numbers[i] = numbers[i] * 3 + seed;
            reals[i] = reals[i] * 0.5 + static_cast<double>(seed);
        }
    }
    double sum = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        sum += reals[i] + static_cast<double>(numbers[i] % 1000);
    }
    return sum;
}

}  // namespace

TEST_SUITE("swap_context") {
    TEST_CASE("the two sides take turns until the entry returns") {
        std::string order;
        auto function = [&](Context& context) {
            order += 'a';
            swap_context(context);
            order += 'b';
            swap_context(context);
            order += 'c';
        };
        Side side(function);
        order += '1';
        side.swap();
        order += '2';
        side.swap();
        order += '3';
        side.swap();
        order += '4';
        CHECK(order == "1a2b3c4");
    }

    TEST_CASE("what lives in registers survives, on both sides") {
        double inside = 0;
        auto function = [&](Context& context) {
            inside = churn(7, [&] { swap_context(context); });
        };
        Side side(function);
        side.swap();
        const double outside = churn(11, [&] { side.swap(); });
        CHECK(inside == churn(7, [] {}));
        CHECK(outside == churn(11, [] {}));
    }

    TEST_CASE("a function that realigns its stack may switch") {
        bool intact = false;
        auto function = [&](Context& context) {
            alignas(64) volatile int values[16] = {1, 2, 3};
            swap_context(context);
            intact = reinterpret_cast<std::uintptr_t>(values) % 64 == 0 && values[2] == 3;
        };
        Side side(function);
        side.swap();
        alignas(128) volatile int values[32] = {4, 5, 6};
        side.swap();
        CHECK(values[2] == 6);
        CHECK(intact);
    }

    TEST_CASE("contexts nest") {
        std::string order;
        auto inner_function = [&](Context& context) {
            order += 'c';
            swap_context(context);
            order += 'f';
        };
        Side inner(inner_function);
        auto outer_function = [&](Context& context) {
            order += 'b';
            inner.swap();
            order += 'd';
            swap_context(context);
            order += 'g';
        };
        Side outer(outer_function);
        order += 'a';
        outer.swap();
        order += 'e';
        inner.swap();
        outer.swap();
        CHECK(order == "abcdefg");
    }

    TEST_CASE("a context that was never entered can be discarded, any number of times") {
        // ThreadSanitizer ends the process after some thousands of fibers that were not destroyed.
        bool ran = false;
        auto function = [&](Context& /*context*/) { ran = true; };
        for (int i = 0; i < 20'000; ++i) {
            const Side side(function);
        }
        CHECK_FALSE(ran);
    }

    TEST_CASE("contexts that have ended leave nothing behind") {
        int runs = 0;
        auto function = [&](Context& context) {
            swap_context(context);
            ++runs;
        };
        for (int i = 0; i < 20'000; ++i) {
            Side side(function);
            side.swap();
            side.swap();
        }
        CHECK(runs == 20'000);
    }
}
