// SPDX-License-Identifier: MIT
//
// Descriptors that come from and go to code that is not coloop's, and to other processes.
#include <optional>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/loop_turns.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr const char* sending = "send descriptors to a pipe: ";
constexpr const char* receiving = "receive descriptors from a pipe: ";

std::string read_text(Reader& reader) {
    std::array<std::byte, 64> buffer;
    const std::size_t count = reader.read(buffer);
    return {reinterpret_cast<const char*>(buffer.data()), count};
}

int number_of(const Descriptor& descriptor) { return static_cast<int>(descriptor.native()); }

/// One descriptor of `stream`, as send_descriptors() wants it.
template <typename Handle>
std::vector<Descriptor> one_of(const Handle& handle) {
    std::vector<Descriptor> descriptors;
    descriptors.push_back(handle.duplicate_descriptor());
    return descriptors;
}

/// Two connected sockets that no loop knows of.
std::pair<Descriptor, Descriptor> plain_pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {Descriptor(NativeDescriptor{ends[0]}), Descriptor(NativeDescriptor{ends[1]})};
}

/// The other process: goes on with what it is sent.
void take_over(Descriptor end) {
    PipeStream parent = PipeStream::adopt_descriptor(std::move(end));
    std::array<std::byte, 1> buffer;
    ReceivedDescriptors received = parent.receive_descriptors(buffer);
    if (received.size != 1 || received.descriptors.size() != 3 || received.lost ||
        received.descriptors[2].kind() != DescriptorKind::file) {
        _exit(1);
    }
    TcpListener accepting = TcpListener::adopt_descriptor(std::move(received.descriptors[0]));
    TcpStream writing = TcpStream::adopt_descriptor(std::move(received.descriptors[1]));
    writing.write("from another process");
    writing.close();
    accepting.accept().write("accepted there");
}

void join(pid_t process) {
    int status = -1;
    REQUIRE(waitpid(process, &status, 0) == process);
    CHECK(status == 0);
}

}  // namespace

TEST_CASE("a listener, a connection and a file go to another process, which goes on with them") {
    auto [here, there] = plain_pair();
    const pid_t process = fork();
    if (process == 0) {
        here.close();
        _exit(run([&end = there] { take_over(std::move(end)); }));
    }
    there.close();
    run_in_loop([&end = here] {
        PipeStream channel = PipeStream::adopt_descriptor(std::move(end));
        const TcpListener listener("127.0.0.1", 0);
        TcpPair pair;
        std::vector<Descriptor> three = one_of(listener);
        three.push_back(pair.near.release_descriptor());
        three.emplace_back(NativeDescriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)});
        channel.send_descriptors(three, bytes_of("x"));
        three.clear();
        CHECK(read_text(pair.far) == "from another process");
        CHECK(read_text(pair.far).empty());
        TcpStream client = TcpStream::connect(listener.local_address());
        CHECK(read_text(client) == "accepted there");
        CHECK(read_text(channel).empty());
    });
    join(process);
}

TEST_CASE("descriptors arrive with the first byte of what they were sent with, in order") {
    run_in_loop([] {
        auto [one, other] = pipe_pair();
        const TcpPair pair;
        PipeListener listener("@coloop" + TemporaryDirectory().path());
        one.write("before");
        one.send_descriptors(one_of(pair.near), bytes_of("tcp"));
        one.send_descriptors(one_of(listener), bytes_of("listener"));
        one.write("after");
        one.close();
        std::string text;
        std::vector<DescriptorKind> kinds;
        std::array<std::byte, 6> buffer;
        for (;;) {
            ReceivedDescriptors received = other.receive_descriptors(buffer);
            if (received.size == 0) {
                break;
            }
            for (const Descriptor& descriptor : received.descriptors) {
                kinds.push_back(descriptor.kind());
                CHECK((fcntl(number_of(descriptor), F_GETFD) & FD_CLOEXEC) != 0);
            }
            text.append(reinterpret_cast<const char*>(buffer.data()), received.size);
        }
        CHECK(text == "beforetcplistenerafter");
        CHECK(kinds == std::vector{DescriptorKind::tcp_stream, DescriptorKind::pipe_listener});
        CHECK(other.receive_descriptors(buffer).size == 0);
        CHECK(other.receive_descriptors({}).size == 0);
    });
}

TEST_CASE("descriptors that nobody takes are closed, however that comes about") {
    run_in_loop([] {
        const TcpPair pair;
        const std::size_t before = open_descriptors();
        for (const int way : {0, 1, 2, 3}) {
            auto [one, other] = pipe_pair();
            std::array<std::byte, 8> buffer;
            std::optional<Bystander> waiter;
            if (way == 1) {  // cancelled while it waits
                waiter.emplace([&, &end = other] { end.receive_descriptors(buffer); });
                waiter->cancel();
                CHECK(waiter->outcome() == "cancelled");
            }
            one.send_descriptors(one_of(pair.near), bytes_of("abc"));
            if (way == 0) {  // read by somebody who does not know
                CHECK(other.read(buffer) == 3);
            } else if (way == 2) {  // taken and thrown away
                CHECK(other.receive_descriptors(buffer).descriptors.size() == 1);
            }
            one.close();  // or never read
            other.close();
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("more descriptors than the process has room for are lost and said to be") {
    run_in_loop([] {
        auto [one, other] = pipe_pair();
        std::vector<Descriptor> many;
        for (int i = 0; i < 253; ++i) {
            many.push_back(one.duplicate_descriptor());
        }
        one.send_descriptors(many, bytes_of("x"));
        many.push_back(one.duplicate_descriptor());
        expect_error(one.send_descriptors(many, bytes_of("x"), std::nothrow),
                     std::errc::invalid_argument, sending + std::string("invalid argument"));
        many.clear();
        rlimit before{};
        getrlimit(RLIMIT_NOFILE, &before);
        const rlimit tight{open_descriptors() + 100, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &tight);
        std::array<std::byte, 1> buffer;
        const ReceivedDescriptors received = other.receive_descriptors(buffer);
        setrlimit(RLIMIT_NOFILE, &before);
        CHECK(received.size == 1);
        CHECK(received.lost);
        CHECK(received.descriptors.size() < 253);
    });
}

TEST_CASE("sending and receiving descriptors fail in both forms") {
    run_in_loop([] {
        auto [one, other] = pipe_pair();
        const std::vector<Descriptor> descriptors = one_of(one);
        std::array<std::byte, 8> buffer;
        const auto expect_send = [&](PipeStream& pipe, std::span<const std::byte> bytes,
                                     std::errc code, const std::string& text) {
            expect_both([&] { pipe.send_descriptors(descriptors, bytes); },
                        [&] { return pipe.send_descriptors(descriptors, bytes, std::nothrow); },
                        code, text);
        };
        expect_send(one, {}, std::errc::invalid_argument,
                    sending + std::string("invalid argument"));
        OneWayPipe wrong = one_way_pipe();
        expect_send(wrong.writer, bytes_of("x"), std::errc::not_a_socket,
                    sending + std::string("socket operation on non-socket"));
        expect_both([&] { wrong.reader.receive_descriptors(buffer); },
                    [&] { return wrong.reader.receive_descriptors(buffer, std::nothrow); },
                    std::errc::not_a_socket,
                    receiving + std::string("socket operation on non-socket"));
        Bystander reader([&, &end = other] { end.receive_descriptors(buffer); });
        expect_both([&, &end = other] { end.receive_descriptors(buffer); },
                    [&, &end = other] { return end.receive_descriptors(buffer, std::nothrow); },
                    std::errc::device_or_resource_busy,
                    receiving + std::string("resource busy or locked"));
        other.close();
        CHECK(reader.outcome() == receiving + std::string("closed"));
        expect_send(one, bytes_of("x"), std::errc::broken_pipe,
                    sending + std::string("broken pipe"));
        PipeStream empty;
        expect_error(empty.receive_descriptors(buffer, std::nothrow), Errc::closed,
                     "receive descriptors from a PipeStream that is not open: closed");
        expect_error(empty.send_descriptors(descriptors, bytes_of("x"), std::nothrow), Errc::closed,
                     "send descriptors to a PipeStream that is not open: closed");
    });
}

TEST_CASE(
    "sending descriptors waits for room, can be cancelled without harm, and ends with a close") {
    run_in_loop([] {
        const TcpPair pair;
        for (const bool by_close : {true, false}) {
            auto [one, other] = pipe_pair();
            std::vector<std::byte> plenty(64 * 1024);
            while (::send(number_of(one_of(one)[0]), plenty.data(), plenty.size(), MSG_DONTWAIT) >
                   0) {
            }
            const LoopTurns turns;
            Bystander sender(
                [&, &end = one] { end.send_descriptors(one_of(pair.near), bytes_of("x")); });
            let_others_run(20);
            CHECK_FALSE(sender.ended());
            if (by_close) {
                one.close();
                CHECK(sender.outcome() == sending + std::string("closed"));
                continue;
            }
            sender.cancel();
            CHECK(sender.outcome() == "cancelled");
            CHECK(one.is_open());
            Bystander patient([&, &end = one] {
                end.send_descriptors(one_of(pair.near), plenty);
                end.shutdown_write();
            });
            std::size_t descriptors = 0;
            while (true) {
                std::array<std::byte, 10'000> buffer;
                const ReceivedDescriptors received = other.receive_descriptors(buffer);
                descriptors += received.descriptors.size();
                if (received.size == 0) {
                    break;
                }
            }
            CHECK(descriptors == 1);
            CHECK(patient.outcome().empty());
        }
    });
}

TEST_CASE("what follows descriptors is read although the sender has left by then") {
    run_in_loop([] {
        const TcpPair pair;
        auto [one, other] = pipe_pair();
        std::string text;
        Bystander reader([&, &end = other] {
            for (std::string more = read_text(end); !more.empty(); more = read_text(end)) {
                text += more;
            }
        });
        one.send_descriptors(one_of(pair.near), bytes_of("with"));
        one.write("out");
        one.close();
        CHECK(reader.outcome().empty());
        CHECK(text == "without");
    });
}

TEST_CASE("a released descriptor is the connection, and those who waited for the stream are told") {
    run_in_loop([] {
        TcpPair pair;
        const std::string peer = pair.near.peer_address().to_string();
        Bystander reader([&] { read_text(pair.near); });
        Bystander writer([&] { pair.near.write(std::vector<std::byte>(32 << 20)); });
        const Descriptor released = pair.near.release_descriptor();
        CHECK(reader.outcome() == "read " + peer + ": closed");
        CHECK(writer.outcome() == "write " + peer + ": closed");
        CHECK_FALSE(pair.near.is_open());
        expect_both([&] { static_cast<void>(pair.near.release_descriptor()); },
                    [&] { return pair.near.release_descriptor(std::nothrow); },
                    std::errc::bad_file_descriptor,
                    "duplicate the descriptor of a TcpStream that is not open: closed");
        pair.far.write("still here");
        TcpStream again = TcpStream::adopt_descriptor(Descriptor::duplicate(released.native()));
        CHECK(again.peer_address().to_string() == peer);
        CHECK(read_text(again) == "still here");
    });
}

TEST_CASE("a released listener goes on elsewhere, with its socket file in place") {
    const TemporaryDirectory directory;
    run_in_loop([&] {
        PipeListener first(directory / "socket");
        Bystander waiter([&] { first.accept(); });
        Descriptor released = first.release_descriptor();
        CHECK(waiter.outcome() == "accept " + (directory / "socket") + ": closed");
        CHECK_FALSE(first.is_open());
        expect_error(first.duplicate_descriptor(std::nothrow), Errc::closed,
                     "duplicate the descriptor of a listener that is not open: closed");
        const PipeStream client = PipeStream::connect(directory / "socket");
        PipeListener second = PipeListener::adopt_descriptor(std::move(released));
        CHECK(second.name() == directory / "socket");
        CHECK(second.accept().is_open());

        TcpListener tcp("127.0.0.1", 0);
        const Address address = tcp.local_address();
        TcpListener adopted = TcpListener::adopt_descriptor(tcp.release_descriptor());
        CHECK(adopted.local_address() == address);
        const TcpStream near = TcpStream::connect(address);
        CHECK(adopted.accept().is_open());
    });
}

TEST_CASE("a host's libuv stream is lent to coloop and given back") {
    run_in_loop([] {
        TcpPair pair;
        uv_tcp_t host;
        uv_tcp_init(Loop::current_uv(), &host);
        REQUIRE(uv_tcp_open(&host, static_cast<int>(pair.near.release_descriptor().release())) ==
                0);
        const auto* handle = reinterpret_cast<uv_handle_t*>(&host);
        TcpStream lent = TcpStream::adopt_descriptor(Descriptor::duplicate(handle));
        lent.write("by coloop");
        CHECK(read_text(pair.far) == "by coloop");
        lent.close();  // the host's is still open
        pair.far.write("to the host");
        Completion<std::string> heard;
        host.data = &heard;
        uv_read_start(
            reinterpret_cast<uv_stream_t*>(&host),
            [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
                static char space[64];
                *buffer = uv_buf_init(space, sizeof space);
            },
            [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
                static_cast<Completion<std::string>*>(stream->data)
                    ->set({buffer->base, static_cast<std::size_t>(count)});
            });
        expect_both([&] { Descriptor::duplicate(handle); },
                    [&] { return Descriptor::duplicate(handle, std::nothrow); },
                    std::errc::device_or_resource_busy,
                    "duplicate a libuv handle: resource busy or locked");
        CHECK(heard.wait() == "to the host");
        Completion<int> closed;
        host.data = &closed;
        uv_close(reinterpret_cast<uv_handle_t*>(&host), [](uv_handle_t* closing) {
            static_cast<Completion<int>*>(closing->data)->set(0);
        });
        expect_error(Descriptor::duplicate(handle, std::nothrow), std::errc::bad_file_descriptor,
                     "duplicate a libuv handle: bad file descriptor");
        closed.wait();
    });
}

TEST_CASE("what is of the wrong kind is not adopted, and closed") {
    const std::size_t before = open_descriptors();
    run_in_loop([] {
        const auto null = [] {
            return Descriptor(NativeDescriptor{open("/dev/null", O_RDWR | O_CLOEXEC)});
        };
        expect_both([&] { TcpStream::adopt_descriptor(null()); },
                    [&] { return TcpStream::adopt_descriptor(null(), std::nothrow); },
                    std::errc::invalid_argument,
                    "adopt a descriptor as a TcpStream: invalid argument");
        expect_both([&] { TcpListener::adopt_descriptor(null()); },
                    [&] { return TcpListener::adopt_descriptor(null(), std::nothrow); },
                    std::errc::invalid_argument,
                    "adopt a descriptor as a TcpListener: invalid argument");
        expect_both([&] { PipeListener::adopt_descriptor(null()); },
                    [&] { return PipeListener::adopt_descriptor(null(), std::nothrow); },
                    std::errc::invalid_argument,
                    "adopt a descriptor as a PipeListener: invalid argument");
        Descriptor unconnected{NativeDescriptor{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
        expect_error(TcpStream::adopt_descriptor(std::move(unconnected), std::nothrow),
                     std::errc::not_connected,
                     "adopt a descriptor as a TcpStream: socket is not connected");
        expect_error(Descriptor::duplicate(NativeDescriptor{-1}, std::nothrow),
                     std::errc::bad_file_descriptor,
                     "duplicate descriptor -1: bad file descriptor");
        const Descriptor udp{NativeDescriptor{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)}};
        CHECK(udp.kind() == DescriptorKind::udp_socket);
        CHECK(Descriptor().kind() == DescriptorKind::unknown);
    });
    CHECK(open_descriptors() == before);
    expect_misuse([] { TcpStream::adopt_descriptor({}); },
                  "cannot adopt a descriptor outside a coroutine");
}
