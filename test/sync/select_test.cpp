// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/cancel_scope.hpp>
#include <coloop/coroutine.hpp>
#include <coloop/select.hpp>

#include "support/cancellable.hpp"
#include "support/effort.hpp"
#include "support/expect_misuse.hpp"
#include "support/random.hpp"

using namespace coloop;

namespace {

/// A case that writes down a letter, and what was received.
auto takes(Channel<int>& channel, std::string& seen) {
    return [&channel, &seen](std::optional<int> value) {
        static_cast<void>(channel);
        seen += value ? 'r' + std::to_string(*value) : "end";
    };
}

/// Selects from everything that can be waited for, and says which it was.
class Everything {
public:
    std::string select_once() {
        return coloop::select(
            receive(in,
                    [](std::optional<int> value) {
                        return value ? "received " + std::to_string(*value) : std::string("end");
                    }),
            send(out, 7, [] { return std::string("sent"); }),
            wait(answer, [](int value) { return "answer " + std::to_string(value); }),
            wait(done, [] { return std::string("done"); }),
            wait(event, [] { return std::string("event"); }),
            wait(latch, [] { return std::string("latch"); }),
            wait(broadcast, [] { return std::string("broadcast"); }),
            wait(queue, [] { return std::string("queue"); }));
    }

    [[nodiscard]] bool nobody_waits() {
        return queue.empty() && SelectAccess::queue(answer).empty() &&
               SelectAccess::queue(done).empty() && SelectAccess::queue(event).empty() &&
               SelectAccess::queue(latch).empty() && SelectAccess::queue(broadcast).empty() &&
               !in.try_send(0) && !out.try_receive();
    }

    Channel<int> in;
    Channel<int> out;
    Completion<int> answer;
    Completion<void> done;
    Event event;
    Latch latch{1};
    Broadcast broadcast;
    CoQueue queue;
};

struct Trigger {
    const char* outcome;
    std::function<void(Everything&)> pull;
};

const std::array<Trigger, 9>& triggers() {
    static const std::array<Trigger, 9> list{{
        {"received 3", [](Everything& all) { CHECK(all.in.try_send(3)); }},
        {"end", [](Everything& all) { all.in.close(); }},
        {"sent", [](Everything& all) { CHECK(all.out.try_receive() == 7); }},
        {"answer 5", [](Everything& all) { all.answer.set(5); }},
        {"done", [](Everything& all) { all.done.set(); }},
        {"event", [](Everything& all) { all.event.set(); }},
        {"latch", [](Everything& all) { all.latch.count_down(); }},
        {"broadcast", [](Everything& all) { all.broadcast.notify(); }},
        {"queue", [](Everything& all) { CHECK(all.queue.wake_one()); }},
    }};
    return list;
}

/// Two coroutines select between sending to and receiving from two channels each, others send and
/// receive plainly, and some are cancelled: each value must come out once or stay where it was.
bool no_value_is_lost(std::uint64_t seed) {
    Random random(seed);
    seed_select(seed);
    using Value = std::unique_ptr<int>;
    Channel<Value> left(random.below(2));
    Channel<Value> right(random.below(2));
    std::vector<int> seen;
    std::vector<std::unique_ptr<Cancellable>> coroutines;
    bool holds = true;
    const auto make = [&] {
        seen.push_back(0);
        return std::make_unique<int>(static_cast<int>(seen.size()) - 1);
    };
    const auto note = [&](const std::optional<Value>& value) {
        if (value) {
            ++seen[static_cast<std::size_t>(**value)];
        }
    };
    const auto both_ways = [&](Channel<Value>& to, Channel<Value>& from) {
        Value value = make();
        const int number = *value;
        bool sent = false;
        try {
            for (int i = 0; i < 3; ++i) {
                coloop::select(receive(from, note),
                               send(to, std::move(value), [&] { sent = true; }).when(!sent));
            }
        } catch (const Error&) {
        } catch (const Cancelled&) {
        }
        holds = holds && sent == (value == nullptr);
        if (!sent) {
            ++seen[static_cast<std::size_t>(number)];
        }
    };
    const auto start = [&](std::function<void()> body) {
        coroutines.push_back(std::make_unique<Cancellable>(std::move(body)));
    };
    for (int step = 0; step < 40; ++step) {
        Channel<Value>& one = random.one_in(2) ? left : right;
        Channel<Value>& other = random.one_in(2) ? left : right;
        switch (random.below(7)) {
            case 0:
            case 1:
                start([&] { both_ways(one, other); });
                break;
            case 2:
                start([&] { note(one.receive()); });
                break;
            case 3:
                if (Value value = make(); !one.try_send(std::move(value))) {
                    note(std::move(value));
                }
                break;
            case 4:
                if (!coroutines.empty()) {
                    coroutines[random.below(coroutines.size())]->cancel();
                }
                break;
            case 5:
                note(one.try_receive());
                break;
            default:
                run_ready();
        }
    }
    left.close();
    right.close();
    run_ready();
    for (auto* channel : {&left, &right}) {
        while (const auto value = channel->try_receive()) {
            note(value);
        }
    }
    for (const auto& coroutine : coroutines) {
        holds = holds && coroutine->done();
    }
    for (const int times : seen) {
        holds = holds && times == 1;
    }
    return holds;
}

}  // namespace

TEST_SUITE("select") {
    TEST_CASE("what can happen at once happens, and nothing else does") {
        for (const Trigger& trigger : triggers()) {
            CAPTURE(trigger.outcome);
            Everything all;
            const std::string outcome = trigger.outcome;
            if (outcome == "broadcast" || outcome == "queue") {
                continue;  // these only wake who waits
            }
            std::string seen;
            std::unique_ptr<Cancellable> peer;
            if (outcome == "sent") {
                peer = std::make_unique<Cancellable>([&] { CHECK(all.out.receive() == 7); });
            } else if (outcome == "received 3") {
                peer = std::make_unique<Cancellable>([&] { all.in.send(3); });
            } else {
                trigger.pull(all);
            }
            Cancellable selects([&] { seen = all.select_once(); });
            CHECK(seen == outcome);
            CHECK(all.nobody_waits());
        }
    }

    TEST_CASE("what happens first while it waits happens alone") {
        for (const Trigger& first : triggers()) {
            for (const Trigger& second : triggers()) {
                CAPTURE(first.outcome);
                CAPTURE(second.outcome);
                Everything all;
                std::string seen;
                Cancellable selects([&] { seen = all.select_once(); });
                CHECK(seen.empty());
                first.pull(all);
                CHECK(all.nobody_waits());
                const std::string next = second.outcome;
                if (next == "answer 5" || next == "done" || next == "event" || next == "latch") {
                    if (&first != &second) {
                        second.pull(all);
                    }
                }
                run_ready();
                CHECK(seen == first.outcome);
            }
        }
    }

    TEST_CASE("cancelled before or while it waits, nothing has happened") {
        Everything all;
        Cancellable before([&] {
            CancelScope::innermost()->cancel();
            all.select_once();
        });
        CHECK(before.cut_short());
        CHECK(all.nobody_waits());
        Cancellable during([&] { all.select_once(); });
        during.cancel();
        CHECK(all.nobody_waits());
        run_ready();
        CHECK(during.cut_short());
    }

    TEST_CASE("cancelled and woken in the same turn, the first counts") {
        for (const Trigger& trigger : triggers()) {
            CAPTURE(trigger.outcome);
            Everything all;
            std::string seen;
            Cancellable selects([&] { seen = all.select_once(); });
            trigger.pull(all);
            selects.cancel();
            run_ready();
            CHECK(seen == trigger.outcome);
            CHECK_FALSE(selects.cut_short());
        }
        Everything all;
        Cancellable selects([&] { all.select_once(); });
        selects.cancel();
        all.event.set();
        CHECK_FALSE(all.in.try_send(1));
        CHECK_FALSE(all.queue.wake_one());
        run_ready();
        CHECK(selects.cut_short());
    }

    TEST_CASE("what can happen at once happens to a cancelled coroutine, too") {
        Channel<int> channel(1);
        Cancellable coroutine([&] {
            CancelScope::innermost()->cancel();
            coloop::select(send(channel, 1, [] {}));
        });
        CHECK_FALSE(coroutine.cut_short());
        CHECK(channel.size() == 1);
    }

    TEST_CASE("inside a shield a select waits on") {
        Event event;
        Cancellable selects([&] {
            const CancelScope shield(CancelScope::Kind::shield);
            coloop::select(wait(event, [] {}));
        });
        selects.cancel();
        run_ready();
        CHECK_FALSE(selects.done());
        event.set();
        run_ready();
        CHECK(selects.done());
    }

    TEST_CASE("otherwise happens if nothing else can, and never waits, also outside coroutines") {
        Channel<int> channel(1);
        std::string seen;
        const auto poll = [&] {
            coloop::select(otherwise([&] { seen += '-'; }), receive(channel, takes(channel, seen)));
        };
        poll();
        CHECK(channel.try_send(1));
        poll();
        poll();
        channel.close();
        poll();
        CHECK(seen == "-r1-end");
    }

    TEST_CASE("a case that is not enabled does not happen") {
        Channel<int> channel(1);
        CHECK(channel.try_send(1));
        Event event;
        std::string seen;
        Cancellable selects([&] {
            coloop::select(receive(channel, takes(channel, seen)).when(false),
                           wait(event, [&] { seen += 'e'; }).when(true));
        });
        CHECK(seen.empty());
        CHECK_FALSE(selects.done());
        event.set();
        run_ready();
        CHECK(seen == "e");
        CHECK(channel.size() == 1);
    }

    TEST_CASE("what is sent is moved from only if that case happens, a copy never") {
        Channel<std::unique_ptr<int>> channel;
        Channel<std::string> texts;
        Event event;
        auto value = std::make_unique<int>(1);
        const std::string text = "text";
        const auto once = [&] {
            return std::make_unique<Cancellable>([&] {
                coloop::select(send(channel, std::move(value), [] {}), send(texts, text, [] {}),
                               wait(event, [] {}));
            });
        };
        auto first = once();
        event.set();
        run_ready();
        CHECK(value != nullptr);
        event.clear();
        auto second = once();
        CHECK(texts.try_receive() == text);
        run_ready();
        CHECK(value != nullptr);
        auto third = once();
        CHECK(**channel.try_receive() == 1);
        CHECK(value == nullptr);
        run_ready();
        CHECK(third->done());
    }

    TEST_CASE("sending to a closed channel throws, whether it was or gets closed") {
        Channel<int> channel;
        std::string text;
        const auto once = [&] {
            return std::make_unique<Cancellable>([&] {
                try {
                    coloop::select(send(channel, 1, [&] { text = "sent"; }));
                } catch (const Error& error) {
                    text += error.what();
                }
            });
        };
        auto waiting = once();
        channel.close();
        run_ready();
        auto late = once();
        CHECK(text == "send to a channel: closedsend to a channel: closed");
    }

    TEST_CASE("two selects meet at a channel, and one does not meet itself") {
        Channel<int> channel;
        std::string seen;
        const auto both = [&](int value) {
            return std::make_unique<Cancellable>([&, value] {
                coloop::select(receive(channel, takes(channel, seen)),
                               send(channel, value, [&] { seen += 's'; }));
            });
        };
        auto a = both(1);
        CHECK_FALSE(a->done());
        auto b = both(2);
        CHECK(a->done());
        CHECK(b->done());
        CHECK((seen == "r1s" || seen == "sr1" || seen == "r2s" || seen == "sr2"));
    }

    TEST_CASE("of several that can happen each happens as often") {
        Channel<int> a(1);
        Channel<int> b(1);
        Event event;
        event.set();
        std::array<int, 3> times{};
        seed_select(1);
        for (int i = 0; i < 3'000; ++i) {
            static_cast<void>(a.try_send(1));
            static_cast<void>(b.try_send(1));
            coloop::select(receive(a, [&](std::optional<int>) { ++times[0]; }),
                           receive(b, [&](std::optional<int>) { ++times[1]; }),
                           wait(event, [&] { ++times[2]; }), otherwise([] {}));
        }
        for (const int count : times) {
            CHECK(count > 900);
            CHECK(count < 1'100);
        }
    }

    TEST_CASE("the same seed chooses the same") {
        Event a;
        Event b;
        a.set();
        b.set();
        const auto choices = [&](std::uint64_t seed) {
            seed_select(seed);
            std::string text;
            for (int i = 0; i < 40; ++i) {
                text += coloop::select(wait(a, [] { return 'a'; }), wait(b, [] { return 'b'; }),
                                       otherwise([] { return '-'; }));
            }
            return text;
        };
        CHECK(choices(1) == choices(1));
        CHECK(choices(1) != choices(2));
    }

    TEST_CASE("select returns what the function returns, in a type that all can become") {
        Event event;
        event.set();
        const auto text = coloop::select(wait(event, [] { return "set"; }),
                                         otherwise([] { return std::string("not set"); }));
        static_assert(std::is_same_v<decltype(text), const std::string>);
        CHECK(text == "set");
    }

    TEST_CASE("the functions may wait, and what they throw leaves select") {
        Channel<int> channel;
        Event event;
        std::string seen;
        Cancellable selects([&] {
            try {
                coloop::select(wait(event, [&]() -> void {
                    seen += std::to_string(*channel.receive());
                    throw std::string("thrown");
                }));
            } catch (const std::string& text) {
                seen += text;
            }
        });
        event.set();
        run_ready();
        CHECK(channel.try_send(4));
        run_ready();
        CHECK(seen == "4thrown");
    }

    TEST_CASE("a report names all that a select waits for") {
        expect_misuse(
            [] {
                auto event = std::make_unique<Event>();
                Channel<int> channel;
                const Cancellable selects(
                    [&] {
                        coloop::select(receive(channel, [](std::optional<int>) {}),
                                       wait(*event, [] {}));
                    },
                    "chooser");
                event.reset();
            },
            "an Event was destroyed while coroutine \"chooser\" waits: receive from a channel or "
            "wait for an event");
    }

    TEST_CASE("selecting from nothing, or having to wait outside a coroutine, is misuse") {
        expect_misuse(
            [] {
                Event event;
                coloop::select(wait(event, [] {}).when(false));
            },
            "select: none of its cases is enabled, so it would wait for ever; add otherwise()");
        expect_misuse(
            [] {
                Event event;
                coloop::select(wait(event, [] {}));
            },
            "cannot wait (wait for an event) outside a coroutine");
    }

    TEST_CASE("selecting from a completion that another coroutine waits for is misuse") {
        expect_misuse(
            [] {
                Completion<int> completion;
                const Cancellable first([&] { completion.wait(); });
                const Cancellable second([&] { coloop::select(wait(completion, [](int) {})); },
                                         "second");
            },
            "wait for a completion: another wait has come first, in coroutine \"second\"");
    }

    TEST_CASE("whatever is chosen, closed or cancelled when, no value is lost or sent twice") {
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            CAPTURE(seed);
            CHECK(no_value_is_lost(seed));
        }
    }
}
