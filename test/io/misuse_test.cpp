// SPDX-License-Identifier: MIT
//
// Network operations in the wrong place: outside a coroutine, or on another loop.
#include <functional>
#include <thread>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/expect_misuse.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

struct Things {
    TcpPair pair;
    TcpListener listener{"127.0.0.1", 0};
    std::array<std::byte, 8> buffer;
};

struct Operation {
    const char* verb;
    std::function<void(Things&)> call;
};

const std::vector<Operation> operations{
    {"read", [](Things& things) { things.pair.near.read(things.buffer); }},
    {"read", [](Things& things) { things.pair.near.read_exactly(things.buffer); }},
    {"write", [](Things& things) { things.pair.near.write("x"); }},
    {"shut down", [](Things& things) { things.pair.near.shutdown_write(); }},
    {"shut down", [](Things& things) { things.pair.near.graceful_close(); }},
    {"accept", [](Things& things) { things.listener.accept(); }},
};

/// Calls `use(things)` outside coroutines while a loop with them exists.
void with_things(const std::function<void(Things&)>& use) {
    Loop loop;
    Things* things = nullptr;
    CoQueue end;
    loop.spawn([&] {
        Things mine;
        things = &mine;
        loop.post([&] {
            use(*things);
            end.wake_all();
        });
        end.wait();
    });
    loop.run();
}

}  // namespace

TEST_CASE("a network operation outside a coroutine is misuse that names it") {
    for (const Operation& operation : operations) {
        const std::string sentence =
            std::string("cannot ") + operation.verb + " outside a coroutine";
        expect_misuse([&] { with_things(operation.call); }, sentence.c_str());
    }
    expect_misuse([] { TcpStream::connect(Address()); }, "cannot connect outside a coroutine");
    expect_misuse([] { TcpStream::connect("localhost", 1); },
                  "cannot resolve a name outside a coroutine");
    expect_misuse([] { const TcpListener listener("127.0.0.1", 0); },
                  "cannot listen outside a coroutine");
}

TEST_CASE(
    "a network operation on another loop's thread is misuse that names object and coroutine") {
    std::vector<Operation> all = operations;
    all.push_back({"close", [](Things& things) { things.pair.near.close(); }});
    all.push_back({"close", [](Things& things) { things.listener.close(); }});
    for (const Operation& operation : all) {
        const std::string verb = std::string("cannot ") + operation.verb + " 127.0.0.1:";
        const auto misplaced = [&](Things& things) {
            std::thread([&] {
                Loop other;
                other.spawn([&] { operation.call(things); }, {.name = "stranger"});
                other.run();
            }).join();
        };
        expect_misuse([&] { with_things(misplaced); }, verb.c_str());
        expect_misuse([&] { with_things(misplaced); },
                      "in coroutine \"stranger\", which runs on another loop than the one it was "
                      "opened on");
    }
}

TEST_CASE("closing and destroying network objects outside coroutines is fine") {
    const std::size_t before = open_descriptors();
    with_things([](Things& things) {
        things.pair.near.close();
        things.listener.close();
        CHECK_FALSE(things.pair.near.is_open());
        const TcpStream destroyed(std::move(things.pair.far));
    });
    CHECK(open_descriptors() == before);
}
