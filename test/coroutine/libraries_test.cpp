// SPDX-License-Identifier: MIT
//
// What programs call on a stack of the default size.
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iomanip>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

#include <netdb.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <coloop/coroutine.hpp>

using namespace coloop;

namespace {

void run_in_coroutine(const std::function<void()>& function) {
    Coroutine coroutine(function);
    coroutine.enter();
    REQUIRE(coroutine.done());
}

struct Counts {
    int& count;

    ~Counts() { ++count; }
};

[[gnu::noinline]] void descend_and_throw(int depth, int& destroyed) {
    const Counts one{destroyed};
    const std::string text(100, 'x');  // one more thing to destroy
    const Counts two{destroyed};
    if (depth == 0) {
        throw std::runtime_error(text);
    }
    descend_and_throw(depth - 1, destroyed);
}

}  // namespace

TEST_SUITE("a stack of the default size") {
    TEST_CASE("is aligned as the platform demands when the function begins") {
        for (const std::size_t size : {std::size_t{1}, std::size_t{5}, std::size_t{63}}) {
            run_in_coroutine([size] {
                alignas(16) volatile char sixteen[16] = {};
                alignas(64) volatile char sixty_four[64] = {};
                CHECK(reinterpret_cast<std::uintptr_t>(sixteen) % 16 == 0);
                CHECK(reinterpret_cast<std::uintptr_t>(sixty_four) % 64 == 0);
                std::array<char, 64> text{};
                std::snprintf(text.data(), text.size(), "%.2f %zu", 1.25, size);  // spills xmm
                CHECK(std::string(text.data()) == "1.25 " + std::to_string(size));
            });
        }
        for (std::size_t length = 0; length < 40; ++length) {  // names move the first frame
            const std::string name(length, 'n');
            double value = 0;
            Coroutine coroutine([&] { value = std::stod("2.5"); }, {.name = name});
            coroutine.enter();
            CHECK(value == 2.5);
        }
    }

    TEST_CASE("holds iostreams") {
        run_in_coroutine([] {
            std::ostringstream stream;
            stream << std::setprecision(17) << 0.1 << ' ' << std::hex << 255 << std::endl;
            CHECK(stream.str() == "0.10000000000000001 ff\n");
        });
    }

    TEST_CASE("holds snprintf of the longest numbers") {
        run_in_coroutine([] {
            std::array<char, 6000> text{};
            CHECK(std::snprintf(text.data(), text.size(), "%.300Lf", 1e4000L) > 4000);
        });
    }

    TEST_CASE("holds fmt") {
        run_in_coroutine([] {
            CHECK(fmt::format("{:>8.3f}|{:#x}|{}", 3.14159, 48879, "text") ==
                  "   3.142|0xbeef|text");
        });
    }

    TEST_CASE("holds std::regex on a line of 200 bytes") {
        run_in_coroutine([] {
            const std::string line = std::string(199, 'a') + 'c';
            CHECK(std::regex_match(line, std::regex("(a|b)*c")));
        });
    }

    TEST_CASE("holds unwinding through many destructors") {
        run_in_coroutine([] {
            int destroyed = 0;
            CHECK_THROWS_AS(descend_and_throw(100, destroyed), std::runtime_error);
            CHECK(destroyed == 202);
        });
    }

    TEST_CASE("holds a synchronous getaddrinfo") {
        run_in_coroutine([] {
            addrinfo hints{};
            hints.ai_socktype = SOCK_STREAM;
            addrinfo* found = nullptr;
            CHECK(getaddrinfo("localhost", "80", &hints, &found) == 0);
            freeaddrinfo(found);
        });
    }
}
