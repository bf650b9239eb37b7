// SPDX-License-Identifier: MIT
#include <exception>
#include <optional>
#include <utility>

#include <coloop/channel.hpp>
#include <coloop/coloop.h>

#include "c_api/guarded.hpp"

namespace coloop::c_api {

namespace {

using Pointers = Channel<void*>;

Pointers& channel_of(coloop_channel* channel) noexcept { return object_of<Pointers>(channel); }

/// 1 for a value, 0 for the end.
int take(const std::optional<void*>& value, void** item) noexcept {
    if (!value) {
        return 0;
    }
    *item = *value;
    return 1;
}

}  // namespace

}  // namespace coloop::c_api

using namespace coloop::c_api;

coloop_channel* coloop_channel_new(std::size_t capacity) {
    try {
        return reinterpret_cast<coloop_channel*>(new Pointers(capacity));
    } catch (const std::exception&) {  // no memory, or more than there can be
        return nullptr;
    }
}

int coloop_channel_send(coloop_channel* channel, void* item) {
    return status_of(channel_of(channel).send(item, std::nothrow));
}

int coloop_channel_try_send(coloop_channel* channel, void* item) {
    if (channel_of(channel).try_send(item)) {
        return 0;
    }
    return channel_of(channel).closed() ? fail(UV_EBADF, "send to a channel: closed")
                                        : fail(UV_EAGAIN, "send to a channel: no room");
}

int coloop_channel_receive(coloop_channel* channel, void** item) {
    const auto value = channel_of(channel).receive(std::nothrow);
    return value ? take(*value, item) : fail(value.error());
}

int coloop_channel_try_receive(coloop_channel* channel, void** item) {
    const int taken = take(channel_of(channel).try_receive(), item);
    return taken == 0 && !channel_of(channel).closed()
               ? fail(UV_EAGAIN, "receive from a channel: nothing there")
               : taken;
}

void coloop_channel_close(coloop_channel* channel) { channel_of(channel).close(); }

void coloop_channel_free(coloop_channel* channel) { delete &channel_of(channel); }
