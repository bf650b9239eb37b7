// SPDX-License-Identifier: MIT
//
// A host on libuv that knows nothing of coloop but loads two plugins which do, each with a copy of
// its own: both are guests on its loop. Exits with 0 if both did their work and left nothing.
#include <cstdio>

#include <dlfcn.h>
#include <uv.h>

namespace {

struct Plugin {
    void (*start)(uv_loop_t* uv, int* count);
    void* (*stop)();
    int count = 0;

    explicit Plugin(const char* path) {
        void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) {
            std::fprintf(stderr, "%s\n", dlerror());
            return;
        }
        start = reinterpret_cast<void (*)(uv_loop_t*, int*)>(dlsym(library, "start"));
        stop = reinterpret_cast<void* (*)()>(dlsym(library, "stop"));
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    uv_loop_t* uv = uv_default_loop();
    Plugin first(argv[1]);
    Plugin second(argv[2]);
    first.start(uv, &first.count);
    second.start(uv, &second.count);
    while (first.count < 100 || second.count < 100) {
        uv_run(uv, UV_RUN_ONCE);
    }
    const bool are_two = first.stop() != second.stop();
    uv_run(uv, UV_RUN_DEFAULT);
    const int left = uv_loop_close(uv);
    std::printf("%s copies, close: %d\n", are_two ? "two" : "not two", left);
    return are_two && left == 0 ? 0 : 1;
}
