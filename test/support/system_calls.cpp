// SPDX-License-Identifier: MIT
//
// Work whose system calls are counted from outside: system_calls SCENARIO ROUNDS. A write to no
// descriptor, "begin" or "end", says where the counted part is. Peers are other processes.
#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coloop/coloop.hpp>

using namespace coloop;

namespace {

void mark(std::string_view what) {
    if (write(-1, what.data(), what.size()) >= 0) {
        std::abort();
    }
}

void require(bool fine) {
    if (!fine) {
        throw std::runtime_error("the peer failed");
    }
}

/// Another process, which knows nothing of coloop.
class Peer {
public:
    explicit Peer(const std::function<bool()>& body) : process_(fork()) {
        if (process_ == 0) {
            _exit(body() ? 0 : 1);
        }
    }

    /// Blocks the thread.
    void finish() const {
        int status = -1;
        waitpid(process_, &status, 0);
        require(status == 0);
    }

private:
    pid_t process_;
};

int connected_to(const Address& address, int type = SOCK_STREAM) {
    const int number = socket(AF_INET, type, 0);
    return connect(number, address.native(), sizeof(sockaddr_in)) == 0 ? number : -1;
}

int connected_to(const std::string& path) {
    const int number = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    return connect(number, generic, sizeof address) == 0 ? number : -1;
}

/// Sends one byte and waits for it to come back.
bool ask(int connection, int times) {
    char byte = 'x';
    for (int i = 0; i < times; ++i) {
        if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1) {
            return false;
        }
    }
    return true;
}

template <typename Listener, typename Name>
void echo(Listener listener, const Name& name, int rounds) {
    const Peer peer([&] { return ask(connected_to(name), rounds + 1); });
    auto client = listener.accept();
    std::array<std::byte, 64> buffer;
    client.write(std::span(buffer).first(client.read(buffer)));  // the first is not counted
    mark("begin");
    for (int i = 0; i < rounds; ++i) {
        client.write(std::span(buffer).first(client.read(buffer)));
    }
    mark("end");
    peer.finish();
}

void tcp_echo(int rounds) {
    TcpListener listener("127.0.0.1", 0);
    const Address address = listener.local_address();
    echo(std::move(listener), address, rounds);
}

void pipe_echo(int rounds) {
    const auto directory = fs::TemporaryDirectory::create();
    const std::string path = directory.path() + "/socket";
    echo(PipeListener(path), path, rounds);
}

/// As many connections as there are rounds, all pending before the first is accepted.
void accepting(int rounds) {
    TcpListener listener("127.0.0.1", 0);
    const Peer peer([&] {
        for (int i = 0; i < rounds; ++i) {
            if (connected_to(listener.local_address()) < 0) {
                return false;
            }
        }
        return true;
    });
    peer.finish();
    mark("begin");
    for (int i = 0; i < rounds; ++i) {
        listener.accept();
    }
    mark("end");
}

/// One datagram each way and round.
void datagram_echo(int rounds) {
    UdpSocket socket("127.0.0.1", 0);
    const Address address = socket.local_address();
    const Peer peer([&] { return ask(connected_to(address, SOCK_DGRAM), rounds + 1); });
    std::array<std::byte, 64> buffer;
    const auto answer = [&] {
        const Received received = socket.receive_from(buffer);
        socket.send_to(std::span(buffer).first(received.size), received.sender);
    };
    answer();
    mark("begin");
    for (int i = 0; i < rounds; ++i) {
        answer();
    }
    mark("end");
    peer.finish();
}

/// Each round sends and receives 32 datagrams.
void datagrams(int rounds) {
    UdpSocket sender("127.0.0.1", 0);
    UdpSocket receiver("127.0.0.1", 0);
    std::array<std::byte, 32> buffers[32];
    std::vector<IncomingDatagram> incoming;
    for (auto& buffer : buffers) {
        incoming.push_back({.buffer = buffer});
    }
    const std::vector<OutgoingDatagram> outgoing(
        32, {std::as_bytes(std::span("data")), receiver.local_address()});
    mark("begin");
    for (int i = 0; i < rounds; ++i) {
        require(sender.send_many(outgoing) == outgoing.size());
        require(receiver.receive_many(incoming) == incoming.size());
    }
    mark("end");
}

/// Reads what the page cache has.
void cached_file(int rounds) {
    const auto directory = fs::TemporaryDirectory::create();
    const std::string path = directory.path() + "/file";
    constexpr std::size_t size = 64 * 1024;
    fs::write_file(path, std::string(size, 'x'));
    File file = File::open(path);
    const int number = static_cast<int>(file.native_handle());
    mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_LOCKED | MAP_POPULATE, number, 0);  // stays
    std::array<std::byte, 4096> buffer;
    mark("begin");
    for (int i = 0; i < rounds; ++i) {
        require(file.read_at(buffer, static_cast<std::uint64_t>(i % 16) * 4096) == buffer.size());
    }
    mark("end");
}

/// A second in which everything waits.
void idle(int /*rounds*/) {
    TcpListener listener("127.0.0.1", 0);
    auto ends = pipe_pair();
    UdpSocket socket("127.0.0.1", 0);
    SignalSet signals({SIGUSR1});
    const auto directory = fs::TemporaryDirectory::create();
    DirectoryWatch watch(directory.path());
    Process process({"sleep", "1000"});
    TaskGroup waiters;
    std::array<std::byte, 64> buffer;
    waiters.spawn([&] { listener.accept(); });
    waiters.spawn([&] { static_cast<void>(ends.first.read(buffer)); });
    waiters.spawn([&] { static_cast<void>(socket.receive_from(buffer)); });
    waiters.spawn([&] { signals.wait(); });
    waiters.spawn([&] { watch.next(); });
    waiters.spawn([&] { process.wait(); });
    for (int turn = 0; turn < 3; ++turn) {  // a poll tells the system what to watch
        co_sleep_ns(0);
    }
    mark("begin");
    co_sleep(std::chrono::seconds(1));
    mark("end");
    waiters.cancel();
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string, void (*)(int)> scenarios = {
        {"tcp_echo", tcp_echo},   {"pipe_echo", pipe_echo},         {"accepting", accepting},
        {"datagrams", datagrams}, {"datagram_echo", datagram_echo}, {"cached_file", cached_file},
        {"idle", idle},
    };
    if (argc != 3 || !scenarios.contains(argv[1])) {
        return 2;
    }
    return run([&] { scenarios.at(argv[1])(std::atoi(argv[2])); });
}
