// SPDX-License-Identifier: MIT
//
// Readers that stop for a while, and slow peers: nobody spins, nobody piles up data.
#include <fstream>
#include <string>
#include <vector>

#include <signal.h>
#include <time.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/loop_turns.hpp"
#include "support/memory.hpp"
#include "support/run_in_loop.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr std::size_t much = std::size_t{8} << 20;  // more than all buffers between two ends

std::chrono::nanoseconds processor_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Whether this thread has hardly anything to do for a while: a few turns, a little time of the
/// processor.
bool is_quiet() {
    const LoopTurns turns;
    const std::chrono::nanoseconds before = processor_time();
    co_sleep(std::chrono::milliseconds(20));
    return turns.count() < 10 && processor_time() - before < std::chrono::milliseconds(10);
}

/// What is in between may still be filling up, but not for ever.
void expect_quiet() {
    int attempts = 0;
    while (!is_quiet() && attempts < 200) {
        ++attempts;
    }
    CHECK(attempts < 200);
}

/// What is written to `from` can be read from `to`, whose reader stops after the first bytes.
void expect_patience(Writer& from, Reader& to, const char* carrier) {
    CAPTURE(carrier);
    const std::vector<std::byte> sent = random_bytes(much);
    std::vector<std::byte> received(much, std::byte{1});
    const std::size_t before = resident_bytes();
    Bystander writer([&] { from.write(sent); });
    to.read_exactly(std::span(received).first(1000));
    expect_quiet();
    CHECK_FALSE(writer.ended());
    CHECK(resident_bytes() < before + (std::size_t{2} << 20));
    to.read_exactly(std::span(received).subspan(1000));
    CHECK(writer.outcome().empty());
    CHECK(received == sent);
}

/// What the system says of the bytes that a process has written.
std::size_t written_by(const Process& process) {
    std::ifstream file("/proc/" + std::to_string(process.id()) + "/io");
    std::string name;
    std::size_t value = 0;
    while (file >> name >> value) {
        if (name == "wchar:") {
            return value;
        }
    }
    return 0;
}

}  // namespace

TEST_SUITE("back-pressure") {
    TEST_CASE("a reader that stops makes the writer wait, without a turn and without a copy") {
        run_in_loop([] {
            TcpPair tcp;
            expect_patience(tcp.near, tcp.far, "TCP");
            auto [near, far] = pipe_pair();
            expect_patience(near, far, "a pair of pipes");
            OneWayPipe pipe = one_way_pipe();
            expect_patience(pipe.writer, pipe.reader, "a pipe");
            Process cat({"cat"}, {.input = Stdio::pipe(), .output = Stdio::pipe()});
            expect_patience(cat.input(), cat.output(), "a process");
        });
    }

    TEST_CASE("two ends that write much to each other and read beside it go on") {
        run_in_loop([] {
            const std::vector<std::byte> sent = random_bytes(much);
            std::vector<std::byte> received[2] = {std::vector<std::byte>(much),
                                                  std::vector<std::byte>(much)};
            const auto exchange = [&](Stream& near, Stream& far) {
                TaskGroup group;
                group.spawn([&] { near.write(sent); });
                group.spawn([&] { far.write(sent); });
                group.spawn([&] { near.read_exactly(received[0]); });
                group.spawn([&] { far.read_exactly(received[1]); });
                group.wait();
                CHECK(received[0] == sent);
                CHECK(received[1] == sent);
            };
            TcpPair tcp;
            exchange(tcp.near, tcp.far);
            auto [near, far] = pipe_pair();
            exchange(near, far);
        });
    }

    TEST_CASE("a process whose output nobody reads stops, and goes on when somebody does") {
        run_in_loop([] {
            Process endless({"yes"}, {.output = Stdio::pipe()});
            std::vector<std::byte> buffer(100'000);
            endless.output().read_exactly(buffer);
            expect_quiet();
            std::size_t written = 0;
            while (written != written_by(endless)) {  // until it waits
                written = written_by(endless);
                co_sleep(std::chrono::milliseconds(5));
            }
            CHECK(written < 2 << 20);
            for (int i = 0; i < 10; ++i) {
                endless.output().read_exactly(buffer);
            }
            while (written_by(endless) == written) {
                co_sleep(std::chrono::milliseconds(1));
            }
        });
    }

    TEST_CASE("a process that stops reading makes the writer to it wait") {
        run_in_loop([] {
            Process cat({"cat"}, {.input = Stdio::pipe(), .output = Stdio::null()});
            cat.send_signal(SIGSTOP);
            Bystander writer([&] { cat.input().write(std::vector<std::byte>(much)); });
            expect_quiet();
            CHECK_FALSE(writer.ended());
            cat.send_signal(SIGCONT);
            CHECK(writer.outcome().empty());
        });
    }

    TEST_CASE("two hundred readers that stop cost no memory for what they do not read") {
        run_in_loop([] {
            constexpr int count = 200;
            const std::vector<std::byte> sent(much);
            std::vector<std::pair<PipeStream, PipeStream>> pairs;
            for (int i = 0; i < count; ++i) {
                pairs.push_back(pipe_pair());
            }
            TaskGroup writers;
            const std::size_t before = resident_bytes();
            for (auto& pair : pairs) {
                writers.spawn([&] { pair.first.write(sent); });
                std::array<std::byte, 10> buffer;
                pair.second.read_exactly(buffer);
            }
            expect_quiet();
            // A stack each, and under AddressSanitizer what that keeps for it.
            CHECK(resident_bytes() < before + count * (std::size_t{128} << 10));
            writers.cancel();
        });
    }

    TEST_CASE("copying waits for a slow receiver and keeps no more than a piece") {
        run_in_loop([] {
            OneWayPipe in = one_way_pipe();
            OneWayPipe out = one_way_pipe();
            const std::vector<std::byte> sent = random_bytes(much);
            std::vector<std::byte> received(much, std::byte{1});
            const std::size_t before = resident_bytes();
            Bystander writer([&] { in.writer.write(sent); });
            Bystander copier([&] { copy(in.reader, out.writer); });
            out.reader.read_exactly(std::span(received).first(1000));
            expect_quiet();
            CHECK_FALSE(writer.ended());
            CHECK(resident_bytes() < before + (std::size_t{2} << 20));
            out.reader.read_exactly(std::span(received).subspan(1000));
            CHECK(writer.outcome().empty());
            CHECK(received == sent);
            in.writer.close();
            CHECK(copier.outcome().empty());
        });
    }
}
