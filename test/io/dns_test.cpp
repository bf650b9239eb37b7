// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/poll_order.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::size_t threads() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        static_cast<void>(entry);
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a numeric host resolves to itself without asking anybody") {
    run_in_loop([] {
        const std::size_t before = threads();
        CHECK(resolve("127.0.0.1") == std::vector{Address::parse("127.0.0.1", 0)});
        CHECK(resolve("::1") == std::vector{Address::parse("::1", 0)});
        CHECK(resolve("fe80::1%lo") == std::vector{Address::parse("fe80::1%lo", 0)});
        TcpListener listener("127.0.0.1", 0);
        TcpStream::connect("127.0.0.1", listener.local_address().port());
        CHECK(threads() == before);
    });
}

TEST_CASE("a name resolves to addresses with port 0, each of them once") {
    run_in_loop([] {
        std::vector<Address> addresses = resolve("localhost");
        REQUIRE_FALSE(addresses.empty());
        for (const Address& address : addresses) {
            CHECK(address.port() == 0);
            CHECK(std::count(addresses.begin(), addresses.end(), address) == 1);
            CHECK((address.host() == "127.0.0.1" || address.host() == "::1"));
        }
    });
}

TEST_CASE("many names may be resolved at once") {
    run_in_loop([] {
        int resolved = 0;
        TaskGroup group;
        for (int i = 0; i < 50; ++i) {
            group.spawn([&] { resolved += resolve("localhost").empty() ? 0 : 1; });
        }
        group.wait();
        CHECK(resolved == 50);
    });
}

TEST_CASE("a name that nobody knows is an error that names it, in both forms") {
    run_in_loop([] {
        const Result<std::vector<Address>> result = resolve("nosuchhost.invalid", std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(doctest::String(result.error().what()) ==
              doctest::Contains("resolve nosuchhost.invalid: "));
        try {
            static_cast<void>(resolve("nosuchhost.invalid"));
            FAIL("did not throw");
        } catch (const Error& error) {
            CHECK(std::string(error.what()) == result.error().what());
        }
    });
}

TEST_CASE("what can't be a name is refused without asking anybody") {
    run_in_loop([] {
        const std::size_t before = threads();
        for (const std::string& name :
             {std::string(), std::string(254, 'a'), std::string("localhost\0x", 11)}) {
            const auto result = resolve(name, std::nothrow);
            REQUIRE_FALSE(result.has_value());
            CHECK(result.error().code() == uv_code(UV_EAI_NONAME));
        }
        CHECK(threads() == before);
    });
}

TEST_CASE("a cancelled lookup ends at once, although the pool is still busy") {
    run_in_loop([] {
        const BusyPool pool;
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        CHECK_FALSE(lookup.ended());
        lookup.cancel();
        CHECK(lookup.outcome() == "cancelled");
    });
}

TEST_CASE("a lookup in a cancelled scope does not begin") {
    run_in_loop([] {
        CancelScope scope;
        scope.cancel();
        expect_error(resolve("localhost", std::nothrow), Errc::cancelled,
                     "resolve localhost: cancelled");
        CHECK_THROWS_AS(static_cast<void>(resolve("127.0.0.1")), Cancelled);
    });
}

TEST_CASE("a lookup that ends just after it was cancelled leaks nothing") {
    run_in_loop([] {
        const BusyPool others(pool_threads - 1);
        BusyPool pool(1);
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        const CallInPoll cancel([&] { lookup.cancel(); });
        cancel.trigger();
        pool.release();
        BusyPool::flush();  // the lookup is done, and the loop does not know
        CHECK(lookup.outcome() == "cancelled");
    });
}

TEST_CASE("a lookup in the wrong place is misuse") {
    expect_misuse([] { static_cast<void>(resolve("localhost")); },
                  "cannot resolve a name outside a coroutine");
    expect_misuse([] { static_cast<void>(reverse_lookup(Address())); },
                  "cannot look up an address outside a coroutine");
}

TEST_CASE("a service gives the addresses their port, by number without asking anybody") {
    run_in_loop([] {
        const std::size_t before = threads();
        CHECK(resolve("127.0.0.1", {.service = "443"}) ==
              std::vector{Address::parse("127.0.0.1", 443)});
        CHECK(resolve("::1", {.family = AddressFamily::ipv6, .service = "53"}) ==
              std::vector{Address::parse("::1", 53)});
        CHECK(threads() == before);
        CHECK(resolve("localhost", {.service = "8080"}).front().port() == 8080);
    });
}

TEST_CASE("only addresses of the family that is wanted come") {
    run_in_loop([] {
        for (const Address& address : resolve("localhost", {.family = AddressFamily::ipv4})) {
            CHECK_FALSE(address.is_ipv6());
        }
        const auto refused = [](std::string_view host, const ResolveOptions& options, int code,
                                const std::string& object) {
            const auto result = resolve(host, options, std::nothrow);
            REQUIRE_FALSE(result.has_value());
            CHECK(result.error().code() == uv_code(code));
            CHECK(doctest::String(result.error().what()) ==
                  doctest::Contains(("resolve " + object + ": ").c_str()));
        };
        refused("127.0.0.1", {.family = AddressFamily::ipv6}, UV_EAI_ADDRFAMILY, "127.0.0.1");
        refused("::1", {.family = AddressFamily::ipv4}, UV_EAI_ADDRFAMILY, "::1");
        refused("localhost", {.service = "nosuchservice"}, UV_EAI_SERVICE,
                "localhost:nosuchservice");
        refused("127.0.0.1", {.service = "99999"}, UV_EAI_SERVICE, "127.0.0.1:99999");
        refused("localhost", {.service = std::string_view("80\0x", 4)}, UV_EAI_SERVICE,
                std::string("localhost:80\0x", 14));
    });
}

TEST_CASE("names and addresses are those that getent knows") {
    run_in_loop([] {
        const auto getent = [](const std::string& arguments) {
            return run_blocking([&] {
                const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
                    popen(("getent " + arguments).c_str(), "r"), pclose);
                std::array<char, 512> text{};
                return std::string(text.data(),
                                   std::fread(text.data(), 1, text.size(), pipe.get()));
            });
        };
        const std::string hosts = getent("ahosts localhost");
        for (const Address& address : resolve("localhost")) {
            CHECK(hosts.find(address.host()) != std::string::npos);
        }
        const HostAndService found = reverse_lookup(Address::parse("127.0.0.1", 0));
        CHECK(getent("hosts 127.0.0.1").find(found.host) != std::string::npos);
        const std::string services = getent("services ssh/tcp");
        if (!services.empty()) {  // there may be no list of services
            CHECK(reverse_lookup(Address::parse("127.0.0.1", 22)).service == "ssh");
            CHECK(resolve("localhost", {.service = "ssh"}).front().port() == 22);
        }
    });
}

TEST_CASE("an address without a name comes back in figures, or is an error if it must have one") {
    run_in_loop([] {
        const Address nameless = Address::parse("192.0.2.77", 47'123);
        const std::size_t before = threads();
        const HostAndService figures =
            reverse_lookup(nameless, {.numeric_host = true, .numeric_service = true});
        CHECK(figures.host == "192.0.2.77");
        CHECK(figures.service == "47123");
        CHECK(threads() == before);
        CHECK(reverse_lookup(nameless, {.numeric_host = true}).service == "47123");

        const ReverseOptions strict{.name_required = true, .numeric_host = true};
        const auto result = reverse_lookup(nameless, strict, std::nothrow);
        REQUIRE_FALSE(result.has_value());
        CHECK(doctest::String(result.error().what()) ==
              doctest::Contains("look up 192.0.2.77:47123: "));
        try {
            static_cast<void>(reverse_lookup(nameless, strict));
            FAIL("did not throw");
        } catch (const Error& error) {
            CHECK(std::string(error.what()) == result.error().what());
        }
    });
}

TEST_CASE("looking up an address can be cancelled, before and meanwhile") {
    run_in_loop([] {
        const Address address = Address::parse("127.0.0.1", 0);
        const BusyPool pool;
        Bystander lookup([&] { static_cast<void>(reverse_lookup(address)); });
        CHECK_FALSE(lookup.ended());
        lookup.cancel();
        CHECK(lookup.outcome() == "cancelled");
        CancelScope scope;
        scope.cancel();
        expect_error(reverse_lookup(address, {}, std::nothrow), Errc::cancelled,
                     "look up 127.0.0.1:0: cancelled");
    });
}

TEST_CASE("lookups take no more than half the pool, so that files have the rest") {
    run_in_loop([] {
        const std::size_t half = pool_threads / 2;
        CHECK(lookup_permits().available() == half);
        BusyPool pool;
        const auto requests = [] { return Loop::current_uv()->active_reqs.count; };
        const unsigned before = requests();
        std::vector<std::unique_ptr<Bystander>> lookups;
        for (int i = 0; i < 10; ++i) {
            lookups.push_back(
                std::make_unique<Bystander>([] { static_cast<void>(resolve("localhost")); }, 0));
        }
        let_others_run();
        CHECK(requests() == before + half);
        CHECK(lookup_permits().available() == 0);

        // Those that wait for their turn can be cancelled, too, and hold nothing.
        lookups.back()->cancel();
        CHECK(lookups.back()->outcome() == "cancelled");
        lookups.pop_back();
        pool.release();
        for (const auto& lookup : lookups) {
            CHECK(lookup->outcome().empty());
        }
        CHECK(lookup_permits().available() == half);
    });
}

TEST_CASE("a lookup that was left behind has its permit until the pool is done with it") {
    run_in_loop([] {
        const std::size_t permits = lookup_permits().available();
        BusyPool first(pool_threads - 1);
        BusyPool last(1);
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        const CallInPoll cancel([&] { lookup.cancel(); });
        cancel.trigger();
        last.release();
        BusyPool::flush();  // a thread had it, so that it can't be taken back
        CHECK(lookup.outcome() == "cancelled");
        first.release();
        lookup_permits().acquire(permits);  // comes back with the orphan's end
        lookup_permits().release(permits);
    });
}

TEST_CASE("lookups and blocking functions together leave a thread for files") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        REQUIRE(blocking_permits().available() == pool_threads - 1);
        std::latch over(1);
        TaskGroup functions;
        for (std::size_t i = 1; i < pool_threads; ++i) {
            functions.spawn([&] { run_blocking([&] { over.wait(); }); });
        }
        let_others_run();
        Bystander lookup([] { static_cast<void>(resolve("localhost")); });
        Bystander cancelled([] { static_cast<void>(resolve("localhost")); });
        fs::write_file(directory / "file", "text");
        CHECK(fs::read_file(directory / "file") == "text");
        CHECK_FALSE(lookup.ended());
        cancelled.cancel();
        CHECK(cancelled.outcome() == "cancelled");

        over.count_down();
        CHECK(lookup.outcome().empty());
        functions.wait();
        CHECK(lookup_permits().available() == pool_threads / 2);
        CHECK(blocking_permits().available() == pool_threads - 1);
    });
}
