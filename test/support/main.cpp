// SPDX-License-Identifier: MIT
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>

#include <doctest/doctest.h>

int main(int argc, char** argv) {
    setenv("UV_THREADPOOL_SIZE", "4", 1);              // see pool.hpp
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);  // name servers may be out of reach
    return doctest::Context(argc, argv).run();
}
