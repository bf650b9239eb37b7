/* SPDX-License-Identifier: MIT */
/*
 * coloop for C: coroutines that wait where callbacks would be, on a libuv loop.
 *
 * What the world can refuse returns 0 or more, or a negative code of libuv (UV_ECONNREFUSED and so
 * on); coloop_error_message() then says what failed, to what, and why. UV_ECANCELED means that the
 * coroutine is in a scope that was cancelled: return, after cleaning up. UV_EBADF means that
 * another coroutine has closed or freed what this one waited for. Mistakes of the program end it
 * with a sentence.
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
 * Makes a loop that coloop owns, for programs that have none and want to run it themselves. NULL if
 * the system refuses. Ignores SIGPIPE if nothing was set for it.
 */
COLOOP_EXPORT coloop_loop* coloop_loop_new(void);

/*
 * Runs an owned loop until nothing is left to do, and returns 0; or 1, after a report on standard
 * error of who waits for what, if coroutines are left that nothing can wake. May be called again.
 * Must be called outside coroutines and callbacks.
 */
COLOOP_EXPORT int coloop_loop_run(coloop_loop* loop);

/* Cancels the coroutines that were spawned on the loop, those too that are spawned later. */
COLOOP_EXPORT void coloop_loop_cancel(coloop_loop* loop);

/*
 * Keeps coloop_loop_run() and coloop_run() from returning, for loops that wait for other threads to
 * post. Counts: each call with `on` wants one without it.
 */
COLOOP_EXPORT void coloop_loop_keep_alive(coloop_loop* loop, bool on);

/*
 * Cancels the coroutines of an owned loop, runs it until they have ended, and destroys it. What was
 * made on it must have been freed before. Must be called outside coroutines and callbacks.
 */
COLOOP_EXPORT void coloop_loop_free(coloop_loop* loop);

/*
 * Makes a loop, calls `function(argument)` in a coroutine on it, and returns when that and all that
 * it has spawned have ended: what the function returned, or 1 after a report if coroutines are left
 * that nothing can wake. For programs that have no loop of their own.
 */
COLOOP_EXPORT int coloop_run(int (*function)(void* argument), void* argument);

/* ---- coroutines ---- */

/* Runs `function(argument)` in a new coroutine: when the calling one stops, or in its turn. */
COLOOP_EXPORT int coloop_spawn(coloop_loop* loop, void (*function)(void* argument), void* argument);

/* All zero is what coloop_spawn() takes. */
typedef struct coloop_spawn_options {
    const char* name;  /* for reports; 63 bytes of it at most */
    size_t stack_size; /* in bytes; 0 for 256 KiB */
} coloop_spawn_options;

COLOOP_EXPORT int coloop_spawn_with(coloop_loop* loop, void (*function)(void* argument),
                                    void* argument, const coloop_spawn_options* options);

/* The running coroutine's loop; NULL outside. */
COLOOP_EXPORT coloop_loop* coloop_current_loop(void);

/* Nanoseconds that the loop's clock shows; it runs evenly, from an arbitrary origin. */
COLOOP_EXPORT int64_t coloop_now_ns(void);

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

/* One that cancels itself when coloop_now_ns() has reached `when`. */
COLOOP_EXPORT void coloop_scope_open_deadline(coloop_scope* scope, int64_t when);

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

/* A numeric address: "127.0.0.1" or "fe80::1%eth0", and a port. */
typedef struct coloop_address {
    char host[62];
    uint16_t port;
} coloop_address;

/* A connection of TCP or of the Unix domain, or one end of a pipe. */
typedef struct coloop_stream coloop_stream;

/* Connects to a name or a numeric address. */
COLOOP_EXPORT int coloop_tcp_connect(const char* host, uint16_t port, coloop_stream** stream);

/*
 * Connects to whoever listens at a path, or on Linux at an abstract name, which begins with '@'.
 * Waits while the listener has no room.
 */
COLOOP_EXPORT int coloop_pipe_connect(const char* name, coloop_stream** stream);

/* Makes two streams that are connected to each other. */
COLOOP_EXPORT int coloop_pipe_pair(coloop_stream** one, coloop_stream** other);

/* Waits for bytes; returns how many of `size` at most, 0 at the end of the stream. One coroutine
 * at a time may read; a second gets UV_EBUSY. */
COLOOP_EXPORT int64_t coloop_stream_read(coloop_stream* stream, void* buffer, size_t size);

/* Fills the buffer; UV_EOF if the stream ends before that, and what came is lost. */
COLOOP_EXPORT int coloop_stream_read_exactly(coloop_stream* stream, void* buffer, size_t size);

/* Writes all; waits while the peer is slow. */
COLOOP_EXPORT int coloop_stream_write(coloop_stream* stream, const void* bytes, size_t size);

/* Lets the peer see the end of the stream; reading goes on. */
COLOOP_EXPORT int coloop_stream_shutdown(coloop_stream* stream);

/* Where a TCP stream's peer is; UV_ENOTSUP for other streams. */
COLOOP_EXPORT int coloop_stream_peer(const coloop_stream* stream, coloop_address* address);

/* Ends the waits of those who read or write, with UV_EBADF, and returns when the stream is closed.
 * Not cancelled. Closing twice is fine. */
COLOOP_EXPORT void coloop_stream_close(coloop_stream* stream);

/* Closes without waiting, and destroys it; those who read or write get UV_EBADF. */
COLOOP_EXPORT void coloop_stream_free(coloop_stream* stream);

/* Takes connections of TCP or of the Unix domain. */
typedef struct coloop_listener coloop_listener;

/* Listens on a numeric address; port 0 takes any that is free. */
COLOOP_EXPORT int coloop_tcp_listen(const char* host, uint16_t port, coloop_listener** listener);

/*
 * Listens at a path, where it makes a socket file with these permissions (0600, say) that is gone
 * when the listener is, or at an abstract name: see coloop_pipe_connect(). Replaces a socket file
 * that nobody listens on any more.
 */
COLOOP_EXPORT int coloop_pipe_listen(const char* name, unsigned permissions,
                                     coloop_listener** listener);

/* The port of one of TCP; 0 for others. */
COLOOP_EXPORT uint16_t coloop_listener_port(const coloop_listener* listener);

/* Waits for the next connection. */
COLOOP_EXPORT int coloop_listener_accept(coloop_listener* listener, coloop_stream** stream);

/* Ends the waits of those who accept, with UV_EBADF, and destroys it. */
COLOOP_EXPORT void coloop_listener_free(coloop_listener* listener);

/* ---- datagrams ---- */

/* A UDP socket. Several coroutines may receive, each gets the next datagram in turn; and send. */
typedef struct coloop_udp coloop_udp;

/* One with a numeric address of its own; port 0 takes any that is free. */
COLOOP_EXPORT int coloop_udp_bind(const char* host, uint16_t port, coloop_udp** udp);

/* One that sends to this numeric address and hears nobody else. Nothing is sent yet. */
COLOOP_EXPORT int coloop_udp_connect(const char* host, uint16_t port, coloop_udp** udp);

COLOOP_EXPORT uint16_t coloop_udp_port(const coloop_udp* udp);

/*
 * Waits for the next datagram; returns its size, and stores who sent it unless `sender` is NULL.
 * UV_EMSGSIZE if it was larger than the buffer: its end is lost, the rest is there.
 */
COLOOP_EXPORT int64_t coloop_udp_receive(coloop_udp* udp, void* buffer, size_t size,
                                         coloop_address* sender);

/* Sends one datagram, to the peer if `receiver` is NULL. Waits while the system has no room. */
COLOOP_EXPORT int coloop_udp_send(coloop_udp* udp, const void* bytes, size_t size,
                                  const coloop_address* receiver);

/* Closes and destroys it; those who receive or send get UV_EBADF. */
COLOOP_EXPORT void coloop_udp_free(coloop_udp* udp);

/* ---- processes ---- */

/* A child process. */
typedef struct coloop_process coloop_process;

/* What a child has for its input, output or error output. */
enum coloop_stdio {
    COLOOP_INHERIT = 0, /* what this process has */
    COLOOP_NULL = 1,    /* nothing to read, and what is written is thrown away */
    COLOOP_PIPE = 2     /* a pipe, of which we have the other end */
};

/* All zero: everything as this process has it. */
typedef struct coloop_process_options {
    unsigned input, output, error_output; /* each one of coloop_stdio */
    const char* const* environment;       /* "NAME=value" each, then NULL */
    const char* directory;                /* where it runs */
} coloop_process_options;

typedef struct coloop_exit_status {
    int64_t code; /* what it returned, if no signal ended it */
    int signal;   /* that ended it, or 0 */
} coloop_exit_status;

/*
 * Starts a program, looked for in PATH, with arguments: {"cp", "-a", "from", "to", NULL}. The
 * options may be NULL. Does not wait for its end.
 */
COLOOP_EXPORT int coloop_process_spawn(const char* const* command,
                                       const coloop_process_options* options,
                                       coloop_process** process);

/*
 * The other ends of its pipes; NULL where it has none. They belong to the process and must not be
 * freed. Close the input, or shut it down, to let it see the end.
 */
COLOOP_EXPORT coloop_stream* coloop_process_input(coloop_process* process);
COLOOP_EXPORT coloop_stream* coloop_process_output(coloop_process* process);
COLOOP_EXPORT coloop_stream* coloop_process_error_output(coloop_process* process);

/* The system's number for it, also after its end. */
COLOOP_EXPORT int coloop_process_id(const coloop_process* process);

/* Waits until it has ended; `status` may be NULL. Several may wait, and again. */
COLOOP_EXPORT int coloop_process_wait(coloop_process* process, coloop_exit_status* status);

/* Sends it a signal: SIGTERM, SIGKILL. UV_ESRCH if it has ended. */
COLOOP_EXPORT int coloop_process_kill(coloop_process* process, int number);

/*
 * Asks it to end (SIGTERM), kills it (SIGKILL) if it still runs after `grace_ns`, and waits until
 * it has ended. If the coroutine is cancelled meanwhile it is killed at once.
 */
COLOOP_EXPORT int coloop_process_terminate(coloop_process* process, int64_t grace_ns,
                                           coloop_exit_status* status);

/* Kills it if it still runs, without waiting for that, and destroys it and its streams. */
COLOOP_EXPORT void coloop_process_free(coloop_process* process);

/* ---- channels ---- */

/* Pointers on their way between coroutines of one thread: see Channel in channel.hpp. */
typedef struct coloop_channel coloop_channel;

/* One that keeps up to `capacity` pointers; with 0, sender and receiver meet. NULL without memory.
 */
COLOOP_EXPORT coloop_channel* coloop_channel_new(size_t capacity);

/* Sends, after waiting for room or a receiver; UV_EBADF if the channel is closed. What was not
 * sent, also if cancelled, is still the caller's. */
COLOOP_EXPORT int coloop_channel_send(coloop_channel* channel, void* item);

/* 0 if it could be sent at once, else UV_EAGAIN. May be called outside coroutines. */
COLOOP_EXPORT int coloop_channel_try_send(coloop_channel* channel, void* item);

/* Waits for the next one: 1 if there is one, 0 if the channel is closed and none is left. */
COLOOP_EXPORT int coloop_channel_receive(coloop_channel* channel, void** item);

/* The same without waiting: UV_EAGAIN if none is there yet. May be called outside coroutines. */
COLOOP_EXPORT int coloop_channel_try_receive(coloop_channel* channel, void** item);

/* Receivers get what is left, then 0; senders get UV_EBADF. May be called again. */
COLOOP_EXPORT void coloop_channel_close(coloop_channel* channel);

/* Destroys it; nobody may wait for it any more. The pointers in it are forgotten. */
COLOOP_EXPORT void coloop_channel_free(coloop_channel* channel);

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

/* How many bytes are in it. */
COLOOP_EXPORT int64_t coloop_file_size(coloop_file* file);

/* Cuts it off there, or adds zeros. */
COLOOP_EXPORT int coloop_file_truncate(coloop_file* file, uint64_t size);

/* Returns when all that was written is on the disk. */
COLOOP_EXPORT int coloop_file_sync(coloop_file* file);

/* Closes it, and tells whether that went well; it is gone in either case. */
COLOOP_EXPORT int coloop_file_free(coloop_file* file);

/* Takes a name away from a file, which goes with its last one. */
COLOOP_EXPORT int coloop_unlink(const char* path);

/* Gives a file another name, in place of what had that. */
COLOOP_EXPORT int coloop_rename(const char* from, const char* to);

COLOOP_EXPORT int coloop_mkdir(const char* path, unsigned permissions);
COLOOP_EXPORT int coloop_rmdir(const char* path);

/* Looks a name up; stores `count` of its addresses at most, with port 0, and returns how many
 * there are. */
COLOOP_EXPORT int coloop_resolve(const char* host, coloop_address* addresses, size_t count);

#ifdef __cplusplus
}
#endif

#endif
