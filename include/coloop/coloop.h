/* SPDX-License-Identifier: MIT */
/*
 * coloop for C. Everything here may also be called from C++.
 */
#ifndef COLOOP_COLOOP_H
#define COLOOP_COLOOP_H

#include <coloop/export.hpp>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* A libuv loop on which coroutines run: see Loop in loop.hpp. It belongs to one thread. */
typedef struct coloop_loop coloop_loop;

/*
 * Makes coloop a guest on a libuv loop, which must belong to the calling thread and whose host goes
 * on running it. Attaching again gives the same loop, which must be detached as often. NULL if the
 * system refuses.
 */
COLOOP_EXPORT coloop_loop* coloop_loop_attach(struct uv_loop_s* uv);

/*
 * Leaves the libuv loop. Returns at once; the host must run its loop until the internal handles
 * have been closed, after which it may close the loop. Coroutines that wait for the loop must have
 * ended before that, except those that were spawned, which are cancelled.
 */
COLOOP_EXPORT void coloop_loop_detach(coloop_loop* loop);

/* The same; calls `done(argument)` on the loop's stack when all is closed. */
COLOOP_EXPORT void coloop_loop_detach_then(coloop_loop* loop, void (*done)(void* argument),
                                           void* argument);

/*
 * Calls `function(argument)` on the loop's own stack, soon. The only function here that other
 * threads may call; the loop must still be attached.
 */
COLOOP_EXPORT void coloop_loop_post(coloop_loop* loop, void (*function)(void* argument),
                                    void* argument);

/* The libuv loop that this is attached to. */
COLOOP_EXPORT struct uv_loop_s* coloop_loop_uv(const coloop_loop* loop);

#ifdef __cplusplus
}
#endif

#endif
