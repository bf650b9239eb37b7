// SPDX-License-Identifier: MIT
#include <string>

#include <coloop/qemu/symbols.h>

#include "base/misuse.hpp"
#include "c_api/qemu_queue.hpp"

namespace coloop::qemu {

namespace {

struct Resource {
    std::uint64_t total;
    std::uint64_t available;
    Queue queue{"get from a SharedResource"};
};

Resource& resource_of(SharedResource* resource) noexcept {
    return *reinterpret_cast<Resource*>(resource);
}

}  // namespace

}  // namespace coloop::qemu

using coloop::misuse;
using namespace coloop::qemu;

SharedResource* coloop_qemu_shres_create(std::uint64_t total) {
    return reinterpret_cast<SharedResource*>(new Resource{total, total});
}

void coloop_qemu_shres_destroy(SharedResource* handle) {
    const Resource& resource = resource_of(handle);
    if (resource.available != resource.total) {
        misuse("shres_destroy: " + std::to_string(resource.total - resource.available) +
               " of the resource are taken; put them back first");
    }
    delete &resource;
}

bool coloop_qemu_shres_try_get(SharedResource* handle, std::uint64_t n) {
    Resource& resource = resource_of(handle);
    if (resource.available < n) {
        return false;
    }
    resource.available -= n;
    return true;
}

void coloop_qemu_shres_get(SharedResource* handle, std::uint64_t n) {
    Resource& resource = resource_of(handle);
    if (n > resource.total) {
        misuse("co_get_from_shres: " + std::to_string(n) + " were asked for, of " +
               std::to_string(resource.total) + " in all; that would wait for ever");
    }
    while (!coloop_qemu_shres_try_get(handle, n)) {
        resource.queue.wait(false);
    }
}

void coloop_qemu_shres_put(SharedResource* handle, std::uint64_t n) {
    Resource& resource = resource_of(handle);
    if (n > resource.total - resource.available) {
        misuse("co_put_to_shres: " + std::to_string(n) + " were put back, but only " +
               std::to_string(resource.total - resource.available) + " are taken");
    }
    resource.available += n;
    Queue now("get from a SharedResource");
    now.take_all(resource.queue);
    while (!now.empty()) {
        wake_one(now, Era::modern);
    }
}
