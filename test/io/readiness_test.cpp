// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/loop_turns.hpp"
#include "support/poll_order.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

/// Two connected descriptors that coloop knows nothing of.
struct Ends {
    int near;
    int far;

    Ends() {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        near = ends[0];
        far = ends[1];
    }

    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;

    ~Ends() {
        ::close(near);
        ::close(far);
    }

    void put() const { CHECK(::write(far, "x", 1) == 1); }

    void take() const {
        char byte = 0;
        CHECK(::read(near, &byte, 1) == 1);
    }

    void fill() const {
        char bytes[4096] = {};
        while (::write(near, bytes, sizeof bytes) > 0) {
        }
    }

    void drain() const {
        char bytes[4096];
        while (::read(far, bytes, sizeof bytes) > 0) {
        }
    }
};

std::string name_of(int descriptor) { return "descriptor " + std::to_string(descriptor); }

}  // namespace

TEST_SUITE("waiting for a descriptor") {
    TEST_CASE("wait_readable returns when there is something to read, at once or later") {
        run_in_loop([] {
            const Ends ends;
            Bystander reader([&] { wait_readable(NativeDescriptor{ends.near}); });
            CHECK_FALSE(reader.ended());
            ends.put();
            CHECK(reader.outcome().empty());
            wait_readable(NativeDescriptor{ends.near});  // it was not taken
            ends.take();
            Bystander again([&] { wait_readable(NativeDescriptor{ends.near}); });
            CHECK_FALSE(again.ended());
            ends.put();
            CHECK(again.outcome().empty());
        });
    }

    TEST_CASE("wait_writable returns when there is room") {
        run_in_loop([] {
            const Ends ends;
            wait_writable(NativeDescriptor{ends.near});
            ends.fill();
            Bystander writer([&] { wait_writable(NativeDescriptor{ends.near}); });
            CHECK_FALSE(writer.ended());
            ends.drain();
            CHECK(writer.outcome().empty());
        });
    }

    TEST_CASE("an epoll descriptor can be waited for like any other") {
        run_in_loop([] {
            const Ends ends;
            const Descriptor other(NativeDescriptor{epoll_create1(EPOLL_CLOEXEC)});
            epoll_event event{};
            event.events = EPOLLIN;
            REQUIRE(epoll_ctl(static_cast<int>(other.native()), EPOLL_CTL_ADD, ends.near, &event) ==
                    0);
            Bystander waiter([&] { wait_readable(other.native()); });
            CHECK_FALSE(waiter.ended());
            ends.put();
            CHECK(waiter.outcome().empty());
            ends.take();
            Bystander again([&] { wait_readable(other.native()); });
            CHECK_FALSE(again.ended());
            again.cancel();
        });
    }

    TEST_CASE("several may wait for the same descriptor, and in both directions") {
        run_in_loop([] {
            const Ends ends;
            ends.fill();
            Bystander first([&] { wait_readable(NativeDescriptor{ends.near}); });
            Bystander second([&] { wait_readable(NativeDescriptor{ends.near}); });
            Bystander writer([&] { wait_writable(NativeDescriptor{ends.near}); });
            ends.put();
            CHECK(first.outcome().empty());
            CHECK(second.outcome().empty());
            CHECK_FALSE(writer.ended());
            Bystander third([&] {
                ends.take();
                wait_readable(NativeDescriptor{ends.near});
            });
            ends.drain();
            CHECK(writer.outcome().empty());
            CHECK_FALSE(third.ended());
            ends.put();
            CHECK(third.outcome().empty());
        });
    }

    TEST_CASE("a peer that hangs up wakes readers and writers") {
        run_in_loop([] {
            Ends ends;
            ends.fill();
            Bystander reader([&] { wait_readable(NativeDescriptor{ends.near}); });
            Bystander writer([&] { wait_writable(NativeDescriptor{ends.near}); });
            ::close(ends.far);
            CHECK(reader.outcome().empty());
            CHECK(writer.outcome().empty());
            ends.far = dup(ends.near);
        });
    }

    TEST_CASE("an error of the descriptor wakes readers and writers, and reading tells which") {
        run_in_loop([] {
            TcpListener listener("127.0.0.1", 0);
            const PlainSocket near = PlainSocket::connected_to(listener.local_address());
            TcpStream far = listener.accept();
            Bystander reader([&] { wait_readable(NativeDescriptor{near.descriptor()}); });
            far.reset();
            CHECK(reader.outcome().empty());
            Bystander writer([&] { wait_writable(NativeDescriptor{near.descriptor()}); });
            CHECK(writer.outcome().empty());
            CHECK(near.read_error() == ECONNRESET);
        });
    }

    TEST_CASE("the writing end of a pipe that nobody reads any more is ready") {
        run_in_loop([] {
            int ends[2];
            REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
            char bytes[4096] = {};
            while (::write(ends[1], bytes, sizeof bytes) > 0) {
            }
            Bystander writer([&] { wait_writable(NativeDescriptor{ends[1]}); });
            CHECK_FALSE(writer.ended());
            ::close(ends[0]);
            CHECK(writer.outcome().empty());
            ::close(ends[1]);
        });
    }

    TEST_CASE("the output of another program can be waited for") {
        run_in_loop([] {
            const std::unique_ptr<FILE, int (*)(FILE*)> program(popen("echo from afar", "r"),
                                                                pclose);
            wait_readable(NativeDescriptor{fileno(program.get())});
            char text[32] = "";
            CHECK(std::fgets(text, sizeof text, program.get()) != nullptr);
            CHECK(std::string(text) == "from afar\n");
        });
    }

    TEST_CASE("while somebody waits the loop sleeps") {
        run_in_loop([] {
            const Ends ends;
            ends.put();  // readable, but nobody wants to read
            ends.fill();
            Bystander writer([&] { wait_writable(NativeDescriptor{ends.near}); });
            const LoopTurns turns;
            co_sleep(std::chrono::milliseconds(20));
            CHECK(turns.count() < 10);
            ends.drain();
            CHECK(writer.outcome().empty());
        });
    }

    TEST_CASE("after a wait, ended in whatever way, the descriptor may be closed at once") {
        run_in_loop([] {
            for (const bool cancelled : {true, false}) {
                auto ends = std::make_unique<Ends>();
                const int number = ends->near;
                Bystander reader([&] { wait_readable(NativeDescriptor{ends->near}); });
                if (cancelled) {
                    reader.cancel();
                } else {
                    ends->put();
                }
                CHECK(reader.outcome() == (cancelled ? "cancelled" : ""));
                ends.reset();
                // Whoever gets the number next is not disturbed.
                const Ends others;
                REQUIRE(others.near == number);
                Bystander next([&] { wait_readable(NativeDescriptor{others.near}); });
                CHECK_FALSE(next.ended());
                others.put();
                CHECK(next.outcome().empty());
            }
        });
    }

    TEST_CASE("nobody waits in a cancelled scope") {
        run_in_loop([] {
            const Ends ends;
            ends.put();
            CancelScope scope;
            scope.cancel();
            expect_error(wait_readable(NativeDescriptor{ends.near}, std::nothrow), Errc::cancelled,
                         "wait to read from " + name_of(ends.near) + ": cancelled");
            CHECK_THROWS_AS(wait_writable(NativeDescriptor{ends.near}), Cancelled);
        });
    }

    TEST_CASE("readiness and a cancellation in the same turn: one of them ends the wait") {
        for (const bool cancel_first : {true, false}) {
            run_in_loop([&] {
                const Ends ends;
                Bystander reader([&] { wait_readable(NativeDescriptor{ends.near}); });
                const CallInPoll cancel([&] { reader.cancel(); });
                if (cancel_first) {
                    cancel.trigger();
                    ends.put();
                } else {
                    ends.put();
                    cancel.trigger();
                }
                const std::string outcome = reader.outcome();
                CHECK((outcome.empty() || outcome == "cancelled"));
                wait_readable(NativeDescriptor{ends.near});
            });
        }
    }

    TEST_CASE("whoever closes a descriptor can tell those who wait") {
        run_in_loop([] {
            Ends ends;
            ends.fill();
            const int number = ends.near;
            Bystander reader([&] { wait_readable(NativeDescriptor{number}); });
            Bystander writer([&] { wait_writable(NativeDescriptor{number}); });
            notify_closing(NativeDescriptor{number});
            ::close(number);
            ends.near = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
            REQUIRE(ends.near == number);
            Bystander next([&] { wait_readable(NativeDescriptor{number}); }, 0);
            CHECK(reader.outcome() == "wait to read from " + name_of(number) + ": closed");
            CHECK(writer.outcome() == "wait to write to " + name_of(number) + ": closed");
            CHECK(next.outcome().empty());
            notify_closing(NativeDescriptor{number});  // nobody waits
        });
    }

    TEST_CASE("what can't be waited for is an error that names it, in both forms") {
        run_in_loop([] {
            const auto refused = [](int descriptor, std::errc condition, const char* reason) {
                expect_both(
                    [&] { wait_readable(NativeDescriptor{descriptor}); },
                    [&] { return wait_readable(NativeDescriptor{descriptor}, std::nothrow); },
                    condition, "wait to read from " + name_of(descriptor) + ": " + reason);
                expect_both(
                    [&] { wait_writable(NativeDescriptor{descriptor}); },
                    [&] { return wait_writable(NativeDescriptor{descriptor}, std::nothrow); },
                    condition, "wait to write to " + name_of(descriptor) + ": " + reason);
            };
            refused(-1, std::errc::bad_file_descriptor, "bad file descriptor");
            const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
            refused(file, std::errc::operation_not_permitted, "operation not permitted");
            ::close(file);
            const TcpPair pair;
            uv_os_fd_t mine = -1;
            uv_fileno(reinterpret_cast<uv_handle_t*>(pair.near.uv()), &mine);
            std::array<std::byte, 1> buffer;
            TcpStream& near = const_cast<TcpStream&>(pair.near);
            Bystander reader([&] { near.read(buffer); });
            refused(mine, std::errc::file_exists, "file already exists");
            reader.cancel();
        });
    }

    TEST_CASE("a loop that ends ends the waits, and touches the descriptor no more") {
        const Ends ends;
        bool cancelled = false;
        {
            Loop loop;
            loop.spawn([&] {
                try {
                    wait_readable(NativeDescriptor{ends.near});
                } catch (const Cancelled&) {
                    cancelled = true;
                    throw;
                }
            });
            loop.spawn([&] { loop.cancel(); });
            loop.run();
        }
        CHECK(cancelled);
        ends.put();
        ends.take();
    }

    TEST_CASE("waiting for a descriptor in the wrong place is misuse") {
        expect_misuse([] { wait_readable(NativeDescriptor{0}); },
                      "cannot wait to read from outside a coroutine");
        expect_misuse([] { wait_writable(NativeDescriptor{0}); },
                      "cannot wait to write to outside a coroutine");
    }
}
