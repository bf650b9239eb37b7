// SPDX-License-Identifier: MIT
//
// Each in a process of its own, as signals belong to all of one.
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/sockets.hpp"
#include "support/waiting.hpp"

using namespace std::chrono_literals;

using namespace coloop;

namespace {

/// Serves a client that keeps still, after `begun()`.
void serve_one(const std::function<void()>& begun, std::chrono::milliseconds grace) {
    TcpListener listener("127.0.0.1", 0);
    const PlainSocket client = PlainSocket::connected_to(listener.local_address());
    serve(std::move(listener),
          [&](TcpStream stream) {
              begun();
              std::array<std::byte, 1> buffer;
              stream.read(buffer);
          },
          {.grace = grace});
}

const char* const one_straggler =
    "coloop: handlers that did not end in time and are cancelled: 1\n"
    "  coroutine \"connection\" waits";

}  // namespace

TEST_CASE("the first signal cancels main, which ends in good order and with 0") {
    for (const int number : {SIGINT, SIGTERM}) {
        const Death death = die([number] {
            const int code = run(
                [number] {
                    raise(number);
                    try {
                        wait_for_ever();
                    } catch (const Cancelled&) {
                        uncancellable([] { co_sleep(1ms); });
                        std::fputs("in good order", stderr);
                        throw;
                    }
                },
                shutdown_on({SIGINT, SIGTERM}));
            _exit(code);
        });
        CHECK(death.signal == 0);
        CHECK(death.exit_code == 0);
        CHECK(death.words == "in good order");
    }
}

TEST_CASE("the exit code is what main returns, with and without a signal, and 1 if it throws") {
    const auto exit_code = [](std::function<int()> function) {
        return die([&] { _exit(run(function, shutdown_on({SIGTERM}), {.name = "x"})); }).exit_code;
    };
    CHECK(exit_code([] { return 7; }) == 7);
    CHECK(exit_code([] {
              raise(SIGTERM);
              try {
                  wait_for_ever();
              } catch (const Cancelled&) {
              }
              return 7;
          }) == 7);
    CHECK(exit_code([]() -> int { throw std::runtime_error("oops"); }) == 1);
    CHECK(exit_code([]() -> int {
              raise(SIGTERM);
              try {
                  wait_for_ever();
              } catch (const Cancelled&) {
              }
              throw std::runtime_error("oops");
          }) == 1);
}

TEST_CASE("who asked for it is told of the first signal before anything is cancelled") {
    const Death death = die([] {
        run(
            [] {
                raise(SIGTERM);
                try {
                    wait_for_ever();
                } catch (const Cancelled&) {
                    std::fputs("cancelled", stderr);
                    throw;
                }
            },
            shutdown_on({SIGTERM}).on_signal(
                [](int number) { std::fprintf(stderr, "signal %d, ", number); }));
    });
    CHECK(death.words == "signal 15, cancelled");
}

TEST_CASE("a second signal ends the time of grace, also when both come at once") {
    for (const bool at_once : {true, false}) {
        const Death death = die([at_once] {
            _exit(run(
                [at_once] {
                    serve_one(
                        [at_once] {
                            raise(SIGINT);
                            if (at_once) {
                                raise(SIGTERM);
                            }
                        },
                        1h);
                },
                shutdown_on({SIGINT, SIGTERM}, 1h).on_signal([at_once](int) {
                    if (!at_once) {
                        raise(SIGTERM);
                    }
                })));
        });
        CHECK(death.signal == 0);
        CHECK(death.exit_code == 0);
        CHECK(death.words.starts_with(one_straggler));
        CHECK(doctest::String(death.words.c_str()) == doctest::Contains(": read 127.0.0.1:"));
    }
}

TEST_CASE("the time of grace ends by itself, the server's own or that of all, whichever is less") {
    for (const bool servers : {true, false}) {
        const Death death = die([servers] {
            _exit(run([servers] { serve_one([] { raise(SIGTERM); }, servers ? 1ms : 3'600'000ms); },
                      shutdown_on({SIGTERM}, servers ? 3'600'000ms : 1ms)));
        });
        CHECK(death.exit_code == 0);
        CHECK(death.words.starts_with(
            "coloop: handlers that did not end in time and are cancelled: 1"));
    }
}

TEST_CASE("a third signal does what it does by default") {
    const Death death = die([] {
        run(
            [] {
                uncancellable([] {
                    for (int i = 0; i < 3; ++i) {
                        raise(SIGTERM);
                        let_others_run();
                        std::fputs("still here, ", stderr);
                    }
                });
            },
            shutdown_on({SIGTERM}, 1h));
    });
    CHECK(death.signal == SIGTERM);
    CHECK(death.words == "still here, still here, ");
}

TEST_CASE("signals do what they do by default when main has ended, and a bad one is an error") {
    const Death death = die([] {
        run([] {}, shutdown_on({SIGTERM}));
        raise(SIGTERM);
    });
    CHECK(death.signal == SIGTERM);
    const Death bad = die([] { _exit(run([] {}, shutdown_on({SIGKILL}))); });
    CHECK(bad.exit_code == 1);
    CHECK(bad.words == "wait for signal 9: invalid argument\n");
}
