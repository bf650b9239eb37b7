// SPDX-License-Identifier: MIT
//
// Connections of the Unix domain and pipes. What all streams do alike is tested with TCP.
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"
#include "support/shell.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

std::string read_all(Reader& reader) {
    std::string all;
    std::array<std::byte, 4096> buffer;
    while (const std::size_t count = reader.read(buffer)) {
        all.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return all;
}

unsigned permissions_of(const std::string& path) {
    struct stat found {};

    REQUIRE(lstat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

/// A socket file at `path` as a server leaves it that crashes.
void leave_stale(const std::string& path) {
    const PlainSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

/// Connections that a listener has no room for besides them.
std::vector<PipeStream> fill_backlog(const std::string& path) {
    std::vector<PipeStream> streams;
    for (;;) {
        std::optional<PipeStream> stream;
        Bystander connector([&] { stream = PipeStream::connect(path); });
        if (!connector.ended()) {
            connector.cancel();
            CHECK(connector.outcome() == "cancelled");
            return streams;
        }
        streams.push_back(*std::move(stream));
    }
}

void echo(PipeStream client) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t count = client.read(buffer)) {
        client.write(std::span(buffer).first(count));
    }
}

}  // namespace

TEST_CASE("two processes' worth of bytes go both ways over a socket file, which is gone after") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener listener(directory / "socket");
        CHECK(listener.name() == directory / "socket");
        CHECK(permissions_of(directory / "socket") == 0600);
        PipeStream near = PipeStream::connect(directory / "socket");
        PipeStream far = listener.accept();
        TaskGroup group;
        const std::vector<std::byte> sent = random_bytes(2'000'000);
        group.spawn([&] { echo(std::move(far)); });
        group.spawn([&] {
            near.write(sent);
            near.shutdown_write();
        });
        std::vector<std::byte> received(sent.size());
        near.read_exactly(received);
        CHECK(received == sent);
        CHECK(near.read(received) == 0);
        listener.close();
        CHECK(directory.size() == 0);
    });
}

TEST_CASE("an abstract name leaves no file, and can be written with a zero byte") {
    const TemporaryDirectory unique;
    const std::string name = "@coloop-test" + unique.path();
    run_in_loop([&] {
        PipeListener listener(name);
        std::string with_zero = name;
        with_zero.front() = '\0';
        PipeStream near = PipeStream::connect(with_zero);
        PipeStream far = listener.accept();
        near.write("abc");
        near.close();
        CHECK(read_all(far) == "abc");
        expect_both([&] { const PipeListener second(name); },
                    [&] { return PipeListener::listen(with_zero, {}, std::nothrow); },
                    std::errc::address_in_use, "listen on " + name + ": address already in use");
        CHECK(listener.name() == name);
        listener.close();
        CHECK(PipeStream::connect(name, std::nothrow).error().what() ==
              "connect " + name + ": connection refused");
    });
}

TEST_CASE("what can't be connected to is an error that names it, in both forms") {
    const TemporaryDirectory directory;
    shell("touch " + (directory / "file"));
    leave_stale(directory / "stale");
    const std::string long_name = directory.path() + std::string(108, 'x');
    const std::string long_abstract = "@" + std::string(108, 'x');
    using namespace std::string_literals;

    const struct {
        std::string name;
        std::string shown;
        std::errc code;
        std::string reason;
    } cases[] = {
        {directory / "nothing", " " + (directory / "nothing"), std::errc::no_such_file_or_directory,
         "no such file or directory"},
        {directory / "file", " " + (directory / "file"), std::errc::connection_refused,
         "connection refused"},
        {directory / "file/x", " " + (directory / "file/x"), std::errc::not_a_directory,
         "not a directory"},
        {directory / "stale", " " + (directory / "stale"), std::errc::connection_refused,
         "connection refused"},
        {long_name, " " + long_name, std::errc::filename_too_long, "name too long"},
        {long_abstract, " " + long_abstract, std::errc::filename_too_long, "name too long"},
        {"", "", std::errc::invalid_argument, "invalid argument"},
        {"a\0b"s, " a@b", std::errc::invalid_argument, "invalid argument"},
    };

    run_in_loop([&] {
        const std::size_t before = open_descriptors();
        for (const auto& wrong : cases) {
            expect_both([&] { PipeStream::connect(wrong.name); },
                        [&] { return PipeStream::connect(wrong.name, std::nothrow); }, wrong.code,
                        "connect" + wrong.shown + ": " + wrong.reason);
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("what can't be listened on is an error that names it, in both forms") {
    const TemporaryDirectory directory;
    shell("touch " + (directory / "file"));
    run_in_loop([&] {
        const PipeListener first(directory / "busy");
        const std::size_t before = open_descriptors();
        const struct {
            std::string name;
            std::errc code;
            std::string reason;
        } cases[] = {
            {directory / "busy", std::errc::address_in_use, "address already in use"},
            {directory / "file", std::errc::address_in_use, "address already in use"},
            {directory / "nowhere/x", std::errc::no_such_file_or_directory,
             "no such file or directory"},
            {directory.path() + std::string(108, 'x'), std::errc::filename_too_long,
             "name too long"},
        };
        for (const auto& wrong : cases) {
            expect_both([&] { const PipeListener second(wrong.name); },
                        [&] { return PipeListener::listen(wrong.name, {}, std::nothrow); },
                        wrong.code, "listen on " + wrong.name + ": " + wrong.reason);
        }
        CHECK(open_descriptors() == before);
        CHECK(PipeStream::connect(directory / "busy").is_open());
    });
}

TEST_CASE("the longest name that the system takes works") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        std::string name = directory / "";
        name.append(107 - name.size(), 'x');
        PipeListener listener(name);
        const PipeStream near = PipeStream::connect(name);
        CHECK(listener.accept().is_open());
    });
}

TEST_CASE("a socket file that a crashed server left is replaced") {
    const TemporaryDirectory directory;
    leave_stale(directory / "socket");
    run_in_loop([&] {
        PipeListener listener(directory / "socket");
        const PipeStream near = PipeStream::connect(directory / "socket");
        CHECK(listener.accept().is_open());
    });
    CHECK(directory.size() == 0);
}

TEST_CASE("closing a listener leaves a file alone that somebody else has put in its place") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener first(directory / "socket");
        shell("rm " + (directory / "socket"));
        PipeListener second(directory / "socket");
        first.close();
        const PipeStream near = PipeStream::connect(directory / "socket");
        CHECK(second.accept().is_open());
    });
}

TEST_CASE("a socket file has the permissions asked for, whatever the umask") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        const mode_t before = umask(0077);
        const PipeListener all(directory / "all", {.permissions = 0666});
        umask(0);
        const PipeListener mine(directory / "mine", {.permissions = 0600});
        umask(before);
        CHECK(permissions_of(directory / "all") == 0666);
        CHECK(permissions_of(directory / "mine") == 0600);
    });
}

TEST_CASE("a connect to a listener without room waits until there is some, or it is cancelled") {
    const TemporaryDirectory directory;
    const std::size_t before = open_descriptors();
    run_in_loop([&] {
        PipeListener listener(directory / "socket", {.backlog = 1});
        const std::vector<PipeStream> streams = fill_backlog(directory / "socket");
        CHECK(streams.size() >= 1);
        CHECK_THROWS_AS(with_timeout(std::chrono::milliseconds(3),
                                     [&] { PipeStream::connect(directory / "socket"); }),
                        TimedOut);
        Bystander late([&] { CHECK(PipeStream::connect(directory / "socket").is_open()); });
        CHECK_FALSE(late.ended());
        listener.accept();
        CHECK(late.outcome().empty());

        fill_backlog(directory / "socket");
        Bystander refused([&] { PipeStream::connect(directory / "socket"); });
        listener.close();
        CHECK(refused.outcome() ==
              "connect " + (directory / "socket") + ": no such file or directory");
    });
    CHECK(open_descriptors() == before);
}

TEST_CASE("a cancelled coroutine neither connects nor accepts, and loses no connection") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener listener(directory / "socket");
        CancelScope scope;
        CHECK_FALSE(move_on_after(std::chrono::seconds(0), [&] { listener.accept(); }));
        CHECK_FALSE(move_on_after(std::chrono::seconds(0),
                                  [&] { PipeStream::connect(directory / "socket"); }));
        Bystander acceptor([&] { listener.accept(); });
        acceptor.cancel();
        CHECK(acceptor.outcome() == "cancelled");
        const PipeStream near = PipeStream::connect(directory / "socket");
        CHECK(listener.accept().is_open());
        Bystander waiter([&] { listener.accept(); });
        listener.close();
        CHECK(waiter.outcome() == "accept " + (directory / "socket") + ": closed");
    });
}

TEST_CASE("a pipe that is closed, moved from or destroyed crashes nothing") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener listener(directory / "socket");
        PipeListener moved(std::move(listener));
        expect_error(listener.accept(std::nothrow), Errc::closed,
                     "accept a PipeListener that is not open: closed");
        CHECK(listener.name().empty());
        CHECK_FALSE(listener.is_open());
        listener.close();
        CHECK(moved.is_open());

        auto [one, other] = pipe_pair();
        PipeStream taken(std::move(one));
        expect_error(one.write("x", std::nothrow), Errc::closed,
                     "write a PipeStream that is not open: closed");
        expect_error(one.shutdown_write(std::nothrow), Errc::closed,
                     "shut down a PipeStream that is not open: closed");
        Bystander reader([&] {
            std::array<std::byte, 8> buffer;
            taken.read(buffer);
        });
        taken.close();
        CHECK(reader.outcome() == "read a pipe: closed");
        taken = std::move(other);
        CHECK(taken.is_open());
    });
}

TEST_CASE("serve handles the connections of a pipe listener") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener listener(directory / "socket");
        Bystander server([&] { serve(listener, echo); });
        for (int i = 0; i < 3; ++i) {
            PipeStream near = PipeStream::connect(directory / "socket");
            near.write("hello");
            near.shutdown_write();
            CHECK(read_all(near) == "hello");
        }
        server.cancel();
        CHECK(server.outcome() == "cancelled");
        CHECK(directory.size() == 0);
    });
}

TEST_CASE("socat talks to a server on a socket file and on an abstract name") {
    const TemporaryDirectory directory;
    const std::string abstract = "coloop-socat" + directory.path();
    run_in_loop([&] {
        PipeListener file(directory / "socket");
        PipeListener name("@" + abstract);
        TaskGroup group;
        group.spawn([&] { echo(file.accept()); });
        group.spawn([&] { echo(name.accept()); });
        ShellCommand first("echo through a file | socat -t 30 - UNIX-CONNECT:" +
                           (directory / "socket"));
        ShellCommand second("echo through a name | socat -t 30 - ABSTRACT-CONNECT:" + abstract);
        group.wait();
        CHECK(first.finish() == "through a file\n");
        CHECK(second.finish() == "through a name\n");
    });
}

TEST_CASE("a pair of pipes is connected both ways, each of which ends on its own") {
    run_in_loop([] {
        auto [one, other] = pipe_pair();
        one.write("to the other");
        one.shutdown_write();
        CHECK(read_all(other) == "to the other");
        other.write("and back");
        other.close();
        CHECK(read_all(one) == "and back");
    });
}

TEST_CASE("a one-way pipe passes on, and shutting its writer down closes it") {
    run_in_loop([] {
        OneWayPipe pipe = one_way_pipe();
        pipe.writer.write("one way");
        pipe.writer.shutdown_write();
        CHECK_FALSE(pipe.writer.is_open());
        CHECK(read_all(pipe.reader) == "one way");
        expect_both([&] { pipe.reader.write("x"); },
                    [&] { return pipe.reader.write("x", std::nothrow); }, std::errc::broken_pipe,
                    "write a pipe: broken pipe");

        OneWayPipe graceful = one_way_pipe();
        graceful.writer.graceful_close();
        graceful.reader.graceful_close();
        CHECK_FALSE(graceful.reader.is_open());

        OneWayPipe wrong = one_way_pipe();
        std::array<std::byte, 8> buffer;
        expect_both([&] { wrong.writer.read(buffer); },
                    [&] { return wrong.writer.read(buffer, std::nothrow); },
                    std::errc::not_connected, "read a pipe: socket is not connected");
    });
}

TEST_CASE("a full pipe makes its writer wait, and a reader that goes ends it with an error") {
    run_in_loop([] {
        OneWayPipe pipe = one_way_pipe();
        Bystander writer([&] { pipe.writer.write(std::vector<std::byte>(1 << 20)); });
        CHECK_FALSE(writer.ended());
        pipe.reader.close();
        CHECK(writer.outcome() == "write a pipe: broken pipe");
    });
}

TEST_CASE("an adopted descriptor is the stream's to close, and what is no pipe is refused") {
    const std::size_t before = open_descriptors();
    run_in_loop([] {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        PipeStream reader =
            PipeStream::adopt_descriptor(Descriptor(NativeDescriptor{ends[0]}), "the source");
        PipeStream writer = PipeStream::adopt_descriptor(Descriptor(NativeDescriptor{ends[1]}));
        writer.write("adopted");
        writer.close();
        CHECK(read_all(reader) == "adopted");
        Bystander waiter([&] { reader.write("x"); });
        CHECK(waiter.outcome() == "write the source: broken pipe");

        expect_error(PipeStream::adopt_descriptor({}, "nothing", std::nothrow),
                     std::errc::bad_file_descriptor, "adopt nothing: bad file descriptor");
        Descriptor file{NativeDescriptor{open("/dev/null", O_RDWR | O_CLOEXEC)}};
        CHECK(file.kind() == DescriptorKind::file);
        CHECK_THROWS_WITH(PipeStream::adopt_descriptor(std::move(file), "/dev/null"),
                          "adopt /dev/null: invalid argument");
    });
    CHECK(open_descriptors() == before);
}

TEST_CASE("pipes outside coroutines are misuse") {
    expect_misuse([] { PipeStream::connect("@x"); }, "cannot connect outside a coroutine");
    expect_misuse([] { const PipeListener listener("@x"); }, "cannot listen outside a coroutine");
    expect_misuse([] { static_cast<void>(pipe_pair()); },
                  "cannot make a pair of pipes outside a coroutine");
    expect_misuse([] { static_cast<void>(one_way_pipe()); },
                  "cannot make a pipe outside a coroutine");
}

TEST_CASE("a loop's end ends what waits for pipes, and removes the socket file") {
    const TemporaryDirectory directory;
    const std::size_t before = open_descriptors();
    {
        Loop loop;
        loop.spawn([&] {
            PipeListener listener(directory / "socket");
            auto [one, other] = pipe_pair();
            std::array<std::byte, 8> buffer;
            TaskGroup group;
            group.spawn([&] { listener.accept(); });
            group.spawn([&, &reader = one] { reader.read(buffer); });
            group.spawn([&writer = one] { writer.write(std::vector<std::byte>(16 << 20)); });
            let_others_run();
            loop.cancel();
            group.wait();
        });
        CHECK(loop.run());
    }
    CHECK(directory.size() == 0);
    CHECK(open_descriptors() == before);
}
