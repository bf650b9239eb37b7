// SPDX-License-Identifier: MIT
//
// When there are no descriptors left. Each case limits a child process.
#include <csignal>
#include <ctime>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/loop_turns.hpp"
#include "support/sockets.hpp"

using namespace coloop;

namespace {

constexpr std::chrono::seconds patience{20};  // for what takes milliseconds if there is time for it

/// Runs `body` in a coroutine of a child process; "" if that went well.
template <typename Body>
std::string in_child(Body body) {
    const Death death = die([&] {
        _exit(run([&] {
            body();
            std::fflush(nullptr);
        }));
    });
    return death.signal == 0 && death.exit_code == 0 ? "" : "failed: " + death.words;
}

/// Stands for a failed check in the child.
void require(bool fine, const std::string& what) {
    if (!fine) {
        throw std::runtime_error(what);
    }
}

/// Takes all descriptors that the process may have, and gives some of them back.
class Hoard {
public:
    Hoard() {
        const rlimit limit{300, 20'000};
        require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
        for (int descriptor = dup(0); descriptor >= 0; descriptor = dup(0)) {
            descriptors_.push_back(descriptor);
        }
    }

    void release(std::size_t count) {
        for (; count > 0; --count) {
            ::close(descriptors_.back());
            descriptors_.pop_back();
        }
    }

private:
    std::vector<int> descriptors_;
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string accept_error(TcpListener& listener) {
    const Result<TcpStream> result = listener.accept(std::nothrow);
    return result ? "" : result.error().what();
}

}  // namespace

TEST_CASE("accepting with no descriptor left is an error that passes") {
    CHECK(in_child([] {
              const TcpPair first;
              TcpListener listener("127.0.0.1", 0);
              std::vector<PlainSocket> peers;
              for (int i = 0; i < 3; ++i) {
                  peers.push_back(PlainSocket::connected_to(listener.local_address()));
              }
              Hoard hoard;
              hoard.release(1);
              const TcpStream taken = listener.accept();
              const std::string text =
                  "accept " + listener.local_address().to_string() + ": too many open files";
              for (int i = 0; i < 3; ++i) {
                  const std::string said = accept_error(listener);
                  require(said == text, "said " + said);
              }
              hoard.release(10);
              const auto start = std::chrono::steady_clock::now();
              std::string said = accept_error(listener);
              if (!said.empty()) {  // it may have failed once more before
                  require(listener.accept().is_open(), "no connection");
              }
              require(listener.accept(std::nothrow).has_value() || said.empty(), "no connection");
              require(std::chrono::steady_clock::now() - start < patience, "slow");
          }) == "");
}

TEST_CASE("a full process does not spin, and its other connections go on") {
    CHECK(in_child([] {
              HalfPair other;
              TcpListener listener("127.0.0.1", 0);
              std::vector<PlainSocket> peers;
              for (int i = 0; i < 20; ++i) {
                  peers.push_back(PlainSocket::connected_to(listener.local_address()));
              }
              const Hoard hoard;
              int failures = 0;
              TaskGroup group;
              group.spawn([&] {
                  for (;;) {
                      try {
                          listener.accept();
                      } catch (const Error&) {
                          ++failures;
                      }
                  }
              });
              const double before = cpu_seconds();
              const LoopTurns turns;
              for (int i = 0; i < 20; ++i) {
                  other.far.send("x");
                  std::array<std::byte, 1> buffer;
                  other.near.read_exactly(buffer);
                  co_sleep(std::chrono::milliseconds(10));
              }
              require(failures >= 2 && failures <= 10, std::to_string(failures) + " failures");
              require(turns.count() < 200, std::to_string(turns.count()) + " turns");
              require(cpu_seconds() - before < 0.1, "spins");
              group.cancel();
          }) == "");
}

TEST_CASE("a server whose process is full reports it, serves on and takes the others later") {
    CHECK(in_child([] {
              const TcpPair first;
              TcpListener listener("127.0.0.1", 0);
              const Address address = listener.local_address();
              std::vector<PlainSocket> peers;
              for (int i = 0; i < 10; ++i) {
                  peers.push_back(PlainSocket::connected_to(address));
                  peers.back().send("x");
              }
              Hoard().release(3);
              int errors = 0;
              int served = 0;
              TaskGroup group;
              group.spawn([&] {
                  const ServeOptions options{.on_error =
                                                 [&](const std::exception_ptr& failure) {
                                                     ++errors;
                                                     print_failure(failure);
                                                 },
                                             .grace = std::chrono::milliseconds(0)};
                  serve(
                      listener,
                      [&](TcpStream client) {
                          std::array<std::byte, 1> buffer;
                          while (client.read(buffer) > 0) {
                              ++served;
                          }
                      },
                      options);
              });
              while (errors == 0 || served < 3) {
                  co_sleep(std::chrono::milliseconds(1));
              }
              co_sleep(std::chrono::milliseconds(10));
              require(served == 3, std::to_string(served) + " served while full");
              for (int i = 0; i < 3; ++i) {
                  peers[static_cast<std::size_t>(i)].close();  // at both ends: six descriptors
              }
              const auto start = std::chrono::steady_clock::now();
              while (served < 10 && std::chrono::steady_clock::now() - start < patience) {
                  co_sleep(std::chrono::milliseconds(1));
                  if (served == 9) {
                      peers[4].close();
                  }
              }
              require(served >= 9, std::to_string(served) + " served in the end");
              group.cancel();
          }) == "");
}

TEST_CASE("connecting and listening with no descriptor left are errors") {
    CHECK(in_child([] {
              const TcpPair first;
              TcpListener listener("127.0.0.1", 0);
              const Address address = listener.local_address();
              const Hoard hoard;
              const auto stream = TcpStream::connect(address, std::nothrow);
              require(!stream && stream.error().code() == std::errc::too_many_files_open,
                      "connect");
              const auto second = TcpListener::listen(Address(), {}, std::nothrow);
              require(!second && second.error().code() == std::errc::too_many_files_open, "listen");
          }) == "");
}

TEST_CASE("waiting for a signal needs no descriptor") {
    CHECK(in_child([] {
              const Hoard hoard;
              Bystander waiter([] { wait_for_signal({SIGUSR1}); });
              raise(SIGUSR1);
              const std::string outcome = waiter.outcome();
              require(outcome.empty(), outcome);
          }) == "");
}

TEST_CASE("as many connections are served as there are descriptors, less some, at most 10,000") {
    const auto limit_of = [](rlim_t descriptors) {
        const Death death = die([&] {
            const rlimit limit{descriptors, 20'000};
            setrlimit(RLIMIT_NOFILE, &limit);
            std::fprintf(stderr, "%zu", default_connection_limit());
        });
        return death.words;
    };
    CHECK(limit_of(1024) == "960");
    CHECK(limit_of(20'000) == "10000");
    CHECK(limit_of(64) == "1");
    CHECK(limit_of(10) == "1");
}
