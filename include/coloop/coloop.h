/* SPDX-License-Identifier: MIT */
/*
 * coloop for C: coroutines that wait where callbacks would be, on a libuv loop.
 *
 * What the world can refuse returns 0 or more, or a negative code of libuv (UV_ECONNREFUSED and so
 * on); coloop_error_message() then says what failed, to what, and why. UV_ECANCELED means that the
 * coroutine is in a scope that was cancelled: return, after cleaning up. Mistakes of the program
 * end it with a sentence.
 *
 * Everything belongs to the thread of its loop; only coloop_loop_post() may be called from others.
 * Functions that wait must be called in a coroutine. Strings are UTF-8.
 */
#ifndef COLOOP_COLOOP_H
#define COLOOP_COLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <coloop/export.hpp>
#include <coloop/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* "0.1.0": the version of the library that is linked. */
COLOOP_EXPORT const char* coloop_version(void);

/* What the last failure in the calling coroutine was: "connect 127.0.0.1:7: connection refused".
 * Lives until the next one. Empty if there was none. */
COLOOP_EXPORT const char* coloop_error_message(void);

/* ---- loops ---- */

/* A libuv loop on which coroutines run: see Loop in loop.hpp. It belongs to one thread. */
typedef struct coloop_loop coloop_loop;

/*
 * Makes coloop a guest on a libuv loop, which must belong to the calling thread and whose host goes
 * on running it. Attaching again gives the same loop, which must be detached as often. NULL if the
 * system refuses.
 */
COLOOP_EXPORT coloop_loop* coloop_loop_attach(struct uv_loop_s* uv);

/*
 * Leaves the libuv loop, and cancels the coroutines that were spawned on it. Returns at once; the
 * host must run its loop until they have ended and the internal handles have been closed. Other
 * coroutines that wait for the loop must have ended before that.
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

/*
 * Makes a loop, calls `function(argument)` in a coroutine on it, and returns when that and all that
 * it has spawned have ended: what the function returned, or 1 after a report if coroutines are left
 * that nothing can wake. For programs that have no loop of their own.
 */
COLOOP_EXPORT int coloop_run(int (*function)(void* argument), void* argument);

/* ---- coroutines ---- */

/* Runs `function(argument)` in a new coroutine, soon. */
COLOOP_EXPORT int coloop_spawn(coloop_loop* loop, void (*function)(void* argument), void* argument);

/* The running coroutine's loop; NULL outside. */
COLOOP_EXPORT coloop_loop* coloop_current_loop(void);

/* Sleeps, never too short; zero or less: until the loop has taken a turn. */
COLOOP_EXPORT int coloop_sleep_ns(int64_t ns);

/* UV_ECANCELED if the calling coroutine is cancelled, for long computations; else 0. */
COLOOP_EXPORT int coloop_check_cancelled(void);

/* ---- cancel scopes and deadlines ---- */

/*
 * A part of a coroutine's work that can be called off. Opened in the caller's frame, and closed in
 * the same coroutine, innermost first, before that frame is gone.
 */
typedef struct coloop_scope {
    void* coloop_words[20];
} coloop_scope;

COLOOP_EXPORT void coloop_scope_open(coloop_scope* scope);

/* One that cancels itself after `ns`. */
COLOOP_EXPORT void coloop_scope_open_timeout(coloop_scope* scope, int64_t ns);

/* One inside which the cancelling of outer scopes is not felt. */
COLOOP_EXPORT void coloop_scope_open_shield(coloop_scope* scope);

/* Ends the waits inside, now and until the scope is closed; from anywhere on its thread. */
COLOOP_EXPORT void coloop_scope_cancel(coloop_scope* scope);

/* 0; UV_ETIMEDOUT if its time was up; UV_ECANCELED if it, or one around it, was cancelled. */
COLOOP_EXPORT int coloop_scope_close(coloop_scope* scope);

/* ---- groups of coroutines ---- */

/* Coroutines that belong together: none outlives the group. See TaskGroup in task_group.hpp. */
typedef struct coloop_group coloop_group;

/* Makes a group that belongs to the calling coroutine. */
COLOOP_EXPORT coloop_group* coloop_group_new(void);

/* Runs `function(argument)` in a new coroutine of the group. If it returns less than 0, the others
 * are cancelled. */
COLOOP_EXPORT int coloop_group_spawn(coloop_group* group, int (*function)(void* argument),
                                     void* argument);

/* Waits until all have ended; returns the first failure. */
COLOOP_EXPORT int coloop_group_wait(coloop_group* group);

COLOOP_EXPORT void coloop_group_cancel(coloop_group* group);

/* Cancels those that are left, waits for them, and destroys the group. */
COLOOP_EXPORT void coloop_group_free(coloop_group* group);

/* ---- byte streams ---- */

/* A connection. Closed, without waiting, and destroyed by coloop_stream_free(). */
typedef struct coloop_stream coloop_stream;

/* Connects to a name or a numeric address. */
COLOOP_EXPORT int coloop_tcp_connect(const char* host, uint16_t port, coloop_stream** stream);

/* Waits for bytes; returns how many of `size` at most, 0 at the end of the stream. */
COLOOP_EXPORT int64_t coloop_stream_read(coloop_stream* stream, void* buffer, size_t size);

/* Writes all; waits while the peer is slow. */
COLOOP_EXPORT int coloop_stream_write(coloop_stream* stream, const void* bytes, size_t size);

/* Lets the peer see the end of the stream; reading goes on. */
COLOOP_EXPORT int coloop_stream_shutdown(coloop_stream* stream);

COLOOP_EXPORT void coloop_stream_free(coloop_stream* stream);

typedef struct coloop_listener coloop_listener;

/* Listens on a numeric address; port 0 takes any that is free. */
COLOOP_EXPORT int coloop_tcp_listen(const char* host, uint16_t port, coloop_listener** listener);

COLOOP_EXPORT uint16_t coloop_listener_port(const coloop_listener* listener);

/* Waits for the next connection. */
COLOOP_EXPORT int coloop_listener_accept(coloop_listener* listener, coloop_stream** stream);

/* Ends the waits of those who accept, with UV_EBADF, and destroys it. */
COLOOP_EXPORT void coloop_listener_free(coloop_listener* listener);

/* ---- files and names ---- */

typedef struct coloop_file coloop_file;

/* May be combined; the meanings are those of OpenMode in file.hpp. */
enum coloop_open_mode {
    COLOOP_READ = 1,
    COLOOP_WRITE = 2,
    COLOOP_APPEND = 4,
    COLOOP_CREATE = 8,
    COLOOP_EXCLUSIVE = 16,
    COLOOP_TRUNCATE = 32
};

COLOOP_EXPORT int coloop_file_open(const char* path, unsigned mode, unsigned permissions,
                                   coloop_file** file);

/* Reads on from where the file stands; 0 at its end. */
COLOOP_EXPORT int64_t coloop_file_read(coloop_file* file, void* buffer, size_t size);
COLOOP_EXPORT int64_t coloop_file_read_at(coloop_file* file, void* buffer, size_t size,
                                          uint64_t offset);

/* Writes all, from where the file stands. */
COLOOP_EXPORT int coloop_file_write(coloop_file* file, const void* bytes, size_t size);
COLOOP_EXPORT int coloop_file_write_at(coloop_file* file, const void* bytes, size_t size,
                                       uint64_t offset);

/* Closes it, and tells whether that went well; it is gone in either case. */
COLOOP_EXPORT int coloop_file_free(coloop_file* file);

/* A numeric address. */
typedef struct coloop_address {
    char text[46];
} coloop_address;

/* Looks a name up; stores `count` of its addresses at most, and returns how many there are. */
COLOOP_EXPORT int coloop_resolve(const char* host, coloop_address* addresses, size_t count);

#ifdef __cplusplus
}
#endif

#endif
