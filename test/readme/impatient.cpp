// SPDX-License-Identifier: MIT
// Runs the loop where one should wait.
#include <uv.h>

#include <coloop/coloop.hpp>

int main() {
    coloop::Loop loop(uv_default_loop());
    loop.spawn(
        [] {
            uv_run(uv_default_loop(), UV_RUN_DEFAULT);  // until something has happened?
        },
        {.name = "impatient"});
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
