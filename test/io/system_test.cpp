// SPDX-License-Identifier: MIT
//
// The machine and this process, compared with what the system's own programs say.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include <sys/mman.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/coloop.hpp>

#include "support/bystander.hpp"
#include "support/death.hpp"
#include "support/expect_error.hpp"
#include "support/expect_misuse.hpp"
#include "support/files.hpp"
#include "support/pool.hpp"
#include "support/run_in_loop.hpp"

using namespace coloop;

namespace {

/// The first line that a shell prints for `command`.
std::string said(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    char line[4096] = "";
    const bool any = std::fgets(line, sizeof line, pipe.get()) != nullptr;
    std::string text(any ? line : "");
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

}  // namespace

TEST_SUITE("os") {
    TEST_CASE("the processors are those that the system lists, and they have worked") {
        const std::vector<os::Cpu> cpus = os::cpus();
        CHECK(std::to_string(cpus.size()) == said("getconf _NPROCESSORS_ONLN"));
        std::chrono::milliseconds worked{};
        for (const os::Cpu& cpu : cpus) {
            worked += cpu.user + cpu.system + cpu.idle;
        }
        CHECK(worked.count() > 0);
        CHECK(os::available_parallelism() >= 1);
        CHECK(os::available_parallelism() <= cpus.size());
    }

    TEST_CASE("memory, load and uptime are what /proc says") {
        const os::Memory memory = os::memory();
        CHECK(std::to_string(memory.total / 1024) ==
              said("sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo"));
        CHECK(memory.free > 0);
        CHECK(memory.free < memory.total);
        CHECK(os::uptime().count() > 0);
        CHECK(os::uptime(std::nothrow)->count() <=
              std::stod(said("cut -d ' ' -f 1 /proc/uptime")) + 1);
        for (const double load : os::load_average()) {
            CHECK(load >= 0);
        }
    }

    TEST_CASE("the loopback interface is among the network interfaces") {
        const std::vector<os::NetworkInterface> all = os::network_interfaces();
        const auto loopback = std::find_if(all.begin(), all.end(), [](const auto& interface) {
            return interface.address.host() == "127.0.0.1";
        });
        REQUIRE(loopback != all.end());
        CHECK(loopback->name == "lo");
        CHECK(loopback->internal);
        CHECK(loopback->netmask.host() == "255.0.0.0");
        CHECK(loopback->hardware_address == std::array<std::uint8_t, 6>{});
        CHECK(os::network_interfaces(std::nothrow)->size() == all.size());
    }

    TEST_CASE("the names of machine and system are those of uname") {
        CHECK(os::hostname() == said("uname -n"));
        const os::SystemName name = os::system_name();
        CHECK(name.system == said("uname -s"));
        CHECK(name.release == said("uname -r"));
        CHECK(name.version == said("uname -v"));
        CHECK(name.machine == said("uname -m"));
    }

    TEST_CASE("all that only asks may be asked on any thread, and in coroutines") {
        std::thread([] {
            CHECK_FALSE(os::hostname().empty());
            CHECK_FALSE(os::cpus().empty());
            CHECK_FALSE(os::current_directory().empty());
        }).join();
        run_in_loop([] {
            CHECK_FALSE(os::network_interfaces().empty());
            CHECK(os::memory().total > 0);
            CHECK_FALSE(os::executable_path().empty());
        });
    }
}

TEST_SUITE("environment") {
    TEST_CASE("variables can be set, asked for, listed and removed") {
        const std::string name = "COLOOP_TEST_VARIABLE";
        CHECK_FALSE(os::variable(name).has_value());
        os::set_variable(name, "a value");
        CHECK(os::variable(name) == "a value");
        CHECK(said("echo $" + name) == "a value");
        const std::string longer(10'000, 'x');
        os::set_variable(name, longer);
        CHECK(os::variable(name) == longer);
        const auto all = os::variables();
        CHECK(std::find(all.begin(), all.end(), std::pair(name, longer)) != all.end());
        os::set_variable(name, "");
        CHECK(os::variable(name) == "");
        os::unset_variable(name);
        os::unset_variable(name);
        CHECK_FALSE(os::variable(name).has_value());
        CHECK_FALSE(os::variable(std::string("HOME\0x", 6)).has_value());
    }

    TEST_CASE("what can't be a variable is an error that names it, in both forms") {
        for (const char* name : {"", "A=B"}) {
            const std::string end = std::string(" the variable") + (*name == 0 ? "" : " ") + name +
                                    ": invalid argument";
            expect_both([&] { os::set_variable(name, "x"); },
                        [&] { return os::set_variable(name, "x", std::nothrow); },
                        std::errc::invalid_argument, "set" + end);
            expect_both([&] { os::unset_variable(name); },
                        [&] { return os::unset_variable(name, std::nothrow); },
                        std::errc::invalid_argument, "unset" + end);
        }
        const std::string cut("PATH\0x", 6);
        CHECK(os::unset_variable(cut, std::nothrow).error().code() == std::errc::invalid_argument);
        CHECK(os::set_variable("A", cut, std::nothrow).error().code() ==
              std::errc::invalid_argument);
        CHECK(os::variable("PATH").has_value());
    }

    TEST_CASE("the current directory can be changed, and its loss is an error") {
        // In a child process: it is the whole process's.
        const Death death = die([] {
            const TemporaryDirectory directory;
            os::set_current_directory(directory.path());
            if (os::current_directory() != std::filesystem::canonical(directory.path())) {
                _exit(1);
            }
            std::filesystem::create_directory(directory / "gone");
            os::set_current_directory(directory / "gone");
            std::filesystem::remove(directory / "gone");
            const Result<std::string> gone = os::current_directory(std::nothrow);
            os::set_current_directory("/");
            if (gone || std::string(gone.error().what()) !=
                            "get the current directory: no such file or directory") {
                _exit(2);
            }
        });
        CHECK(death.signal == 0);
        CHECK(death.exit_code == 0);
        expect_both([] { os::set_current_directory("/nowhere"); },
                    [] { return os::set_current_directory("/nowhere", std::nothrow); },
                    std::errc::no_such_file_or_directory,
                    "go to /nowhere: no such file or directory");
    }

    TEST_CASE("paths are those that the system knows") {
        CHECK(os::executable_path() == std::filesystem::read_symlink("/proc/self/exe"));
        CHECK(os::temporary_directory() == said("echo ${TMPDIR:-/tmp} | sed 's:\\(.\\)/$:\\1:'"));
        CHECK_FALSE(os::home_directory().empty());
        if (const auto home = os::variable("HOME")) {
            CHECK(os::home_directory() == *home);
        }
    }

    TEST_CASE("the user is the one that id names") {
        const Result<os::User> user = os::current_user(std::nothrow);
        if (said("id -un 2> /dev/null").empty()) {  // a user without a name, as containers have
            REQUIRE_FALSE(user.has_value());
            CHECK(std::string(user.error().what()).starts_with("get the user: "));
        } else {
            REQUIRE(user.has_value());
            CHECK(user->name == said("id -un"));
            CHECK(std::to_string(user->number) == said("id -u"));
            CHECK(std::to_string(user->group) == said("id -g"));
        }
    }

    TEST_CASE("processes have numbers and priorities") {
        CHECK(os::process_id() == getpid());
        CHECK(os::parent_process_id() == getppid());
        const int now = os::priority();
        CHECK(os::priority(getpid()) == now);
        const Death death = die([&] {
            os::set_priority(std::min(now + 3, 19));
            _exit(os::priority());
        });
        CHECK(death.exit_code == std::min(now + 3, 19));
        constexpr int nobody = 0x7ffffff0;  // beyond all process numbers
        expect_both([] { static_cast<void>(os::priority(nobody)); },
                    [] { return os::priority(nobody, std::nothrow); }, std::errc::no_such_process,
                    "get the priority of process 2147483632: no such process");
        expect_both([] { os::set_priority(0, nobody); },
                    [] { return os::set_priority(0, nobody, std::nothrow); },
                    std::errc::no_such_process,
                    "set the priority of process 2147483632: no such process");
        expect_both([] { os::set_priority(1000); },
                    [] { return os::set_priority(1000, 0, std::nothrow); },
                    std::errc::invalid_argument, "set the priority of process 0: invalid argument");
    }

    TEST_CASE("without set_up_arguments there is no process title") {
        expect_both([] { static_cast<void>(os::process_title()); },
                    [] { return os::process_title(std::nothrow); }, std::errc::no_buffer_space,
                    "get the process title: no buffer space available");
        expect_both([] { os::set_process_title("me"); },
                    [] { return os::set_process_title("me", std::nothrow); },
                    std::errc::no_buffer_space,
                    "set the process title me: no buffer space available");
    }

    TEST_CASE("the resources that this process has used are counted") {
        const os::ResourceUsage usage = os::resource_usage();
        CHECK((usage.user + usage.system).count() > 0);
        CHECK(usage.minor_faults > 0);
        CHECK(os::resident_memory() > 100'000);
        CHECK(os::resident_memory(std::nothrow).has_value());
        CHECK(usage.most_memory > 100'000);
    }
}

TEST_SUITE("fill_random") {
    TEST_CASE("it fills all of the bytes, each time with others") {
        run_in_loop([] {
            std::set<std::vector<std::byte>> seen;
            for (int i = 0; i < 20; ++i) {
                std::vector<std::byte> bytes(32);
                fill_random(bytes);
                CHECK(seen.insert(bytes).second);
            }
            fill_random({});
            std::vector<std::byte> many(100'000);
            fill_random(many);
            const auto zeroes = std::count(many.end() - 10'000, many.end(), std::byte{0});
            CHECK(zeroes < 200);  // 39 are to be expected
        });
    }

    TEST_CASE("more than the system gives at once is refused") {
        constexpr std::size_t size = std::size_t{3} << 30;
        void* room =
            mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(room != MAP_FAILED);
        run_in_loop([&] {
            const std::span bytes(static_cast<std::byte*>(room), size);
            expect_error(fill_random(bytes, std::nothrow), std::errc::argument_list_too_long,
                         "get random bytes: argument list too long");
        });
        munmap(room, size);
    }

    TEST_CASE("a cancelled caller leaves at once, and its bytes stay as they were") {
        run_in_loop([] {
            BusyPool pool;
            {
                std::array<std::byte, 8> bytes{};
                Bystander caller([&] { fill_random(bytes); });
                CHECK_FALSE(caller.ended());
                caller.cancel();
                CHECK(caller.outcome() == "cancelled");
                pool.release();
                BusyPool::flush();
                let_others_run();
                CHECK(bytes == std::array<std::byte, 8>{});
            }
            CancelScope scope;
            scope.cancel();
            std::array<std::byte, 8> bytes{};
            expect_error(fill_random(bytes, std::nothrow), Errc::cancelled,
                         "get random bytes: cancelled");
            CHECK_THROWS_AS(fill_random(bytes), Cancelled);
        });
    }

    TEST_CASE("in the wrong place it is misuse") {
        expect_misuse([] { fill_random({}); }, "cannot get random bytes outside a coroutine");
    }
}
