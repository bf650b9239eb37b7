// SPDX-License-Identifier: MIT
//
// What the system refuses to sockets, pipes, processes and watches: each operation, with the exact
// text, in both forms. Files: fs_errors_test.cpp. Who does not answer: where each of them is
// tested.
#include <string>
#include <vector>

#include <uv.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/files.hpp"
#include "support/refused.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

const ProcessOptions piped{.input = Stdio::pipe(), .output = Stdio::pipe()};

/// A loop that has done what libuv keeps a descriptor for ever after.
struct Prepared {
    explicit Prepared(const std::string& path) : watch(path) {}

    TcpPair pair;
    DirectoryWatch watch;
};

/// All that needs descriptors; `tcp` and `path` are where somebody listens.
std::vector<Operation> openers(const Address& tcp, const std::string& path) {
    const Address any = Address::parse("127.0.0.1", 0);
    const std::string other = path + "-other";
    const std::string where = path.substr(0, path.rfind('/'));
    const std::string there = tcp.to_string();
    return {
        operation(
            "listen on 127.0.0.1:0", [=] { return TcpListener(any); },
            [=] { return TcpListener::listen(any, {}, std::nothrow); }),
        COLOOP_TEST_OPERATION("connect " + there, TcpStream::connect, tcp),
        operation(
            "listen on " + other, [=] { return PipeListener(other); },
            [=] { return PipeListener::listen(other, {}, std::nothrow); }),
        COLOOP_TEST_OPERATION("connect " + path, PipeStream::connect, path),
        operation(
            "make a pair of pipes", [] { return pipe_pair(); },
            [] { return pipe_pair(std::nothrow); }),
        operation(
            "make a pipe", [] { return one_way_pipe(); },
            [] { return one_way_pipe(std::nothrow); }),
        operation(
            "bind 127.0.0.1:0", [=] { return UdpSocket(any); },
            [=] { return UdpSocket::bind(any, {}, std::nothrow); }),
        COLOOP_TEST_OPERATION("connect " + there, UdpSocket::connect, tcp),
        operation(
            "run cat", [] { return Process({"cat"}, piped); },
            [] { return Process::spawn({"cat"}, piped, std::nothrow); }),
        operation(
            "run cat", [] { return Process({"cat"}, {.terminal = TerminalSize{}}); },
            [] { return Process::spawn({"cat"}, {.terminal = TerminalSize{}}, std::nothrow); }),
        operation(
            "run cat", [] { return run_process({"cat"}); },
            [] { return run_process({"cat"}, {}, std::nothrow); }),
        operation(
            "watch " + where, [=] { return DirectoryWatch(where); },
            [=] { return DirectoryWatch::watch(where, {}, std::nothrow); }),
        COLOOP_TEST_OPERATION("duplicate descriptor 0", Descriptor::duplicate, NativeDescriptor{0}),
    };
}

/// How many handles libuv lists for this loop; a list that was spoiled has others, or no end.
std::size_t listed_handles() {
    std::size_t count = 0;
    uv_walk(
        Loop::current_uv(),
        [](uv_handle_t* /*handle*/, void* data) { ++*static_cast<std::size_t*>(data); }, &count);
    return count;
}

/// All that takes the path of something.
std::vector<Operation> users_of(const std::string& path) {
    return {
        COLOOP_TEST_OPERATION("connect " + path, PipeStream::connect, path),
        operation(
            "listen on " + path, [=] { return PipeListener(path); },
            [=] { return PipeListener::listen(path, {}, std::nothrow); }),
        operation(
            "run " + path, [=] { return Process({path}); },
            [=] { return Process::spawn({path}, piped, std::nothrow); }),
        operation(
            "watch " + path, [=] { return DirectoryWatch(path); },
            [=] { return DirectoryWatch::watch(path, {}, std::nothrow); }),
    };
}

}  // namespace

TEST_SUITE("errors") {
    TEST_CASE(
        "with no descriptor left, all that needs one says so, and works when there are some") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const TcpPair first;  // libuv keeps a descriptor in reserve from then on
            const std::string path = directory / "socket";
            TcpListener tcp("127.0.0.1", 0);
            PipeListener pipe(path);
            const std::vector<Operation> operations = openers(tcp.local_address(), path);
            const std::size_t before = open_descriptors();
            {
                const FewDescriptors none(0);
                expect_refused(operations, std::errc::too_many_files_open, "too many open files");
            }
            CHECK(open_descriptors() == before);
            CHECK(directory.size() == 1);
            for (const Operation& one : operations) {
                CAPTURE(one.text);
                CHECK_NOTHROW(one.throwing());
            }
            let_others_run();
            CHECK(open_descriptors() == before + 1);  // libuv's, for watching
        });
    }

    TEST_CASE("accepting from a pipe listener with no descriptor left is an error that passes") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const Prepared prepared(directory.path());
            const std::string path = directory / "socket";
            PipeListener listener(path);
            PipeStream client = PipeStream::connect(path);
            const std::size_t before = open_descriptors();
            {
                const FewDescriptors none(0);
                expect_refused({operation(
                                   "accept " + path, [&] { return listener.accept(); },
                                   [&] { return listener.accept(std::nothrow); })},
                               std::errc::too_many_files_open, "too many open files");
            }
            CHECK(open_descriptors() == before);
            Result<PipeStream> accepted = listener.accept(std::nothrow);
            if (!accepted) {  // it may have failed once more meanwhile
                accepted = listener.accept(std::nothrow);
            }
            client.write("x");
            std::array<std::byte, 1> buffer;
            CHECK(accepted->read(buffer) == 1);
        });
    }

    TEST_CASE("names that are too long are refused by all that takes one") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const Prepared prepared(directory.path());
            const std::string name = directory / std::string(300, 'x');
            const std::size_t before = open_descriptors();
            std::vector<Operation> operations = users_of(name);
            operations.push_back(operation(
                "run cat in " + name, [=] { return Process({"cat"}, {.directory = name}); },
                [=] { return Process::spawn({"cat"}, {.directory = name}, std::nothrow); }));
            expect_refused(operations, std::errc::filename_too_long, "name too long");
            const std::string argument(std::size_t{4} << 20, 'x');
            expect_refused({operation(
                               "run cat",
                               [=] {
                                   return Process({"cat", argument});
                               },
                               [=] {
                                   return Process::spawn({"cat", argument}, {}, std::nothrow);
                               })},
                           std::errc::argument_list_too_long, "argument list too long");
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a directory that may not be entered is refused by all that goes there") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const Prepared prepared(directory.path());
            fs::mkdir(directory / "closed", 0000);
            const std::string name = directory / "closed/name";
            const std::size_t before = open_descriptors();
            {
                const Nobody nobody;
                expect_refused(users_of(name), std::errc::permission_denied, "permission denied");
            }
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("programs that can't be run, early or late, leave the loop's handles as they were") {
        run_in_loop([] {
            const TcpPair first;
            const std::size_t before = listed_handles();
            for (int i = 0; i < 10; ++i) {
                CHECK_FALSE(Process::spawn({"no-such-program"}, piped, std::nothrow));
                CHECK_FALSE(Process::spawn({"cat"}, {.directory = "/nowhere"}, std::nothrow));
                const FewDescriptors none(i < 5 ? 0 : 1);
                CHECK_FALSE(Process::spawn({"cat"}, {}, std::nothrow));
                CHECK_FALSE(Process::spawn({"cat"}, piped, std::nothrow));
            }
            let_others_run();
            CHECK(listed_handles() == before);
            CHECK(run_process({"echo", "after"}).output == "after\n");
        });
    }

    TEST_CASE("a peer that leaves bytes unread resets a pipe, as it does a connection") {
        run_in_loop([] {
            auto [near, far] = pipe_pair();
            near.write("unread");
            far.close();
            std::array<std::byte, 8> buffer;
            const Result<std::size_t> read = near.read(buffer, std::nothrow);
            REQUIRE_FALSE(read.has_value());
            CHECK(read.error().code() == std::errc::connection_reset);
            CHECK(std::string(read.error().what()).starts_with("read "));
            expect_error(near.write("x", std::nothrow), std::errc::broken_pipe,
                         "write a pipe: broken pipe");
        });
    }

    TEST_CASE("where there is no way to is unreachable") {
        run_in_loop([] {
            const Address everybody = Address::parse("255.255.255.255", 80);
            const std::size_t before = open_descriptors();
            expect_refused({COLOOP_TEST_OPERATION("connect 255.255.255.255:80", TcpStream::connect,
                                                  everybody)},
                           std::errc::network_unreachable, "network is unreachable");
            let_others_run();
            CHECK(open_descriptors() == before);
        });
    }

    TEST_CASE("a full disk is an error of whatever writes to it") {
        run_in_loop([] {
            const std::string text(100'000, 'x');
            File full = File::open("/dev/full", OpenMode::write);
            expect_refused({operation(
                               "write /dev/full", [&] { full.write(text); },
                               [&] { return full.write(text, std::nothrow); })},
                           std::errc::no_space_on_device, "no space left on device");
            MemoryReader reader(text);
            const Result<std::uint64_t> copied = copy(reader, full, std::nothrow);
            REQUIRE_FALSE(copied.has_value());
            CHECK(copied.error().code() == std::errc::no_space_on_device);
            BufWriter writer(full);
            writer.write("x");
            CHECK_THROWS_WITH_AS(writer.flush(), "write /dev/full: no space left on device", Error);
            const NativeDescriptor native{static_cast<int>(full.native_handle())};
            Process child({"sh", "-c", "echo x"},
                          {.output = Stdio::descriptor(native), .error_output = Stdio::null()});
            CHECK_FALSE(child.wait().success());
        });
    }
}
