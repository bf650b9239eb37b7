// SPDX-License-Identifier: MIT
//
// Programs of the system at the other end, unmodified: what they make of us is what counts.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/files.hpp"
#include "support/run_in_loop.hpp"
#include "support/shell.hpp"

using namespace coloop;

namespace {

/// What a shell command prints; it must succeed. Others run meanwhile.
std::string output_of(const std::string& command) {
    const RunResult result = run_process({"bash", "-c", command});
    CAPTURE(command);
    CAPTURE(result.error_output);
    CHECK(result.status.success());
    return result.output;
}

void echo(Stream& client) {
    copy(client, client);
    client.shutdown_write();
}

/// Both ways, until both have ended.
void join(Stream& client, Process& process) {
    TaskGroup group;
    group.spawn([&] {
        copy(client, process.input());
        process.input().close();
    });
    group.spawn([&] {
        copy(process.output(), client);
        client.shutdown_write();
    });
    group.wait();
}

/// An answer to the question in a DNS message: one address of IPv4. (RFC 1035, 4.1)
std::string answer_to(std::string_view question, const std::string& address) {
    std::string message(question.substr(0, 2));            // its number
    message += std::string("\x85\0\0\1\0\1\0\0\0\0", 10);  // an answer, with authority; one of each
    const std::size_t name_end = question.find('\0', 12) + 1;
    message += question.substr(12, name_end + 4 - 12);  // the question: name, type and class
    message += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12);  // the same name, for a minute
    return message + address;
}

/// An event as inotifywait names it, in our words.
std::string our_words(std::string_view line) {
    const std::size_t space = line.find(' ');
    const std::string_view kinds = line.substr(0, space);
    const bool changed =
        kinds.find("MODIFY") != std::string::npos || kinds.find("ATTRIB") != std::string::npos;
    return std::string(line.substr(space + 1)) + (changed ? " changed" : " renamed");
}

}  // namespace

TEST_SUITE("counterparts") {
    TEST_CASE("nc talks to servers of ours over TCP, UDP and a socket file") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            TcpListener tcp("127.0.0.1", 0);
            PipeListener pipe(directory / "socket");
            UdpSocket udp("127.0.0.1", 0);
            TaskGroup servers;
            servers.spawn([&] {
                TcpStream client = tcp.accept();
                echo(client);
            });
            servers.spawn([&] {
                PipeStream client = pipe.accept();
                echo(client);
            });
            servers.spawn([&] {
                std::array<std::byte, 100> buffer;
                const Received received = udp.receive_from(buffer);
                udp.send_to(std::span(buffer).first(received.size), received.sender);
            });
            const auto port = [](const auto& socket) {
                return std::to_string(socket.local_address().port());
            };
            CHECK(output_of("head -c 300000 /dev/zero | nc -N 127.0.0.1 " + port(tcp) +
                            " | wc -c") == "300000\n");
            CHECK(output_of("echo by file | nc -N -U " + (directory / "socket")) == "by file\n");
            CHECK(output_of("echo by datagram | nc -u -W 1 127.0.0.1 " + port(udp)) ==
                  "by datagram\n");
            servers.wait();
        });
    }

    TEST_CASE("a client of ours talks to nc, and each sees the other's end") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            const std::string path = directory / "socket";
            Process server({"nc", "-l", "-U", "-N", path},
                           {.input = Stdio::pipe(), .output = Stdio::pipe()});
            Result<PipeStream> client = PipeStream::connect(path, std::nothrow);
            while (!client) {  // it does not say when it listens
                co_sleep(std::chrono::milliseconds(1));
                client = PipeStream::connect(path, std::nothrow);
            }
            client->write("from the client");
            std::array<std::byte, 15> buffer;
            server.output().read_exactly(buffer);
            CHECK(std::ranges::equal(buffer, bytes("from the client")));
            server.input().write("from the server");
            server.input().close();
            client->read_exactly(buffer);
            CHECK(std::ranges::equal(buffer, bytes("from the server")));
            CHECK(client->read(buffer) == 0);
            client->close();
            CHECK(server.wait().success());
        });
    }

    TEST_CASE("dig asks a name server of ours") {
        run_in_loop([] {
            UdpSocket socket("127.0.0.1", 0);
            Bystander server([&] {
                std::array<std::byte, 1500> buffer;
                for (;;) {
                    const Received question = socket.receive_from(buffer);
                    const std::string_view text(reinterpret_cast<const char*>(buffer.data()),
                                                question.size);
                    socket.send_to(bytes(answer_to(text, "\x0a\1\2\3")), question.sender);
                }
            });
            const std::string dig = "dig @127.0.0.1 +time=50 +tries=1 -p " +
                                    std::to_string(socket.local_address().port());
            CHECK(output_of(dig + " +short a.name A") == "10.1.2.3\n");
            const std::string said = output_of(dig + " +noedns another.name A");
            CHECK(said.find("status: NOERROR") != std::string::npos);
            CHECK(said.find("another.name.") != std::string::npos);
            server.cancel();
        });
    }

    TEST_CASE("inotifywait sees the same events in the same order") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            Process other(
                {"inotifywait", "-m", "-e", "create,modify,attrib,delete,moved_from,moved_to",
                 "--format", "%e %f", directory.path()},
                {.output = Stdio::pipe(), .error_output = Stdio::pipe()});
            BufReader notes(other.error_output());
            while (notes.read_line() != "Watches established.") {
            }
            DirectoryWatch watch(directory.path());
            const std::string work =
                "for i in 1 2 3; do echo x > a$i; echo y >> a$i; mv a$i b$i; "
                "chmod 600 b$i; mkdir c$i; rm b$i; done; : > end";
            output_of("cd " + directory.path() + " && " + work);

            std::vector<std::string> theirs;
            BufReader lines(other.output());
            while (theirs.empty() || theirs.back() != "end renamed") {
                const std::string event = our_words(*lines.read_line());
                if (theirs.empty() || theirs.back() != event) {  // we make one of equals in a row
                    theirs.push_back(event);
                }
            }
            std::vector<std::string> ours;
            while (ours.size() < theirs.size()) {
                const DirectoryEvent event = watch.next().value();
                ours.push_back(event.name + (event.changed ? " changed" : " renamed"));
            }
            CHECK(ours == theirs);
        });
    }

    TEST_CASE("a row of programs gives what bash's pipeline gives") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            std::string words;
            for (int i = 0; i < 50'000; ++i) {
                words += "word " + std::to_string(i * 7919 % 1000) + '\n';
            }
            fs::write_file(directory / "words", words);
            const ProcessOptions piped{.input = Stdio::pipe(), .output = Stdio::pipe()};
            Process sort({"sort"}, piped);
            Process uniq({"uniq", "-c"}, piped);
            Process head({"head", "-n", "5"}, piped);
            TaskGroup group;
            group.spawn([&] {
                File file = File::open(directory / "words");
                copy(file, sort.input());
                sort.input().close();
            });
            group.spawn([&] {
                copy(sort.output(), uniq.input());
                uniq.input().close();
            });
            group.spawn([&] {  // head leaves early
                static_cast<void>(copy(uniq.output(), head.input(), std::nothrow));
                head.input().close();
            });
            MemoryWriter result;
            copy(head.output(), result);
            group.wait();
            CHECK(head.wait().success());
            CHECK(result.text() ==
                  output_of("sort " + (directory / "words") + " | uniq -c | head -n 5"));
        });
    }

    TEST_CASE("git fetches through a server of ours that runs its other half, as ssh would") {
        const TemporaryDirectory directory;
        run_in_loop([&] {
            for (const char* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}) {
                os::unset_variable(name);  // a hook of git's may run the tests
            }
            const std::string make =
                "cd " + directory.path() +
                " && git init -q there && cd there && git config user.name x"
                " && git config user.email x@x && seq 20000 > file && git add file"
                " && git commit -q -m first";
            output_of(make);
            TcpListener listener("127.0.0.1", 0);
            Bystander server([&] {
                TcpStream client = listener.accept();
                Process half({"git", "upload-pack", directory / "there"},
                             {.input = Stdio::pipe(), .output = Stdio::pipe()});
                join(client, half);
                CHECK(half.wait().success());
            });
            fs::write_file(directory / "ssh", "#!/bin/sh\nexec nc -N 127.0.0.1 " +
                                                  std::to_string(listener.local_address().port()) +
                                                  '\n');
            fs::chmod(directory / "ssh", 0700);
            output_of("cd " + directory.path() + " && GIT_SSH_VARIANT=simple GIT_SSH=" +
                      (directory / "ssh") + " git clone -q host:anything here");
            CHECK(server.outcome().empty());
            CHECK(output_of("cmp " + (directory / "there/file") + ' ' + (directory / "here/file"))
                      .empty());
        });
    }
}
