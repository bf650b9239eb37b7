/* SPDX-License-Identifier: MIT */
/* coloop.h: child processes. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

#define HOUR (3600LL * 1000 * 1000 * 1000)

static int run(int (*function)(void*)) { return coloop_run(function, NULL); }

static bool says(const char* words) { return strstr(coloop_error_message(), words) != NULL; }

static const char* const sleeper[] = {"sleep", "3600", NULL};

static int use_pipes(void* unused) {
    static const char* const command[] = {"sh", "-c", "cat; echo error >&2; exit 7", NULL};
    static const coloop_process_options pipes = {
        .input = COLOOP_PIPE, .output = COLOOP_PIPE, .error_output = COLOOP_PIPE};
    coloop_process* process;
    coloop_exit_status status;
    char buffer[8];

    (void)unused;
    CHECK(coloop_process_spawn(command, &pipes, &process) == 0);
    CHECK(coloop_process_id(process) > 0);
    CHECK(coloop_stream_write(coloop_process_input(process), "hello", 5) == 0);
    CHECK(coloop_stream_read_exactly(coloop_process_output(process), buffer, 5) == 0);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    coloop_stream_close(coloop_process_input(process));
    CHECK(coloop_process_input(process) != NULL);
    CHECK(coloop_stream_read(coloop_process_output(process), buffer, 1) == 0);
    CHECK(coloop_stream_read_exactly(coloop_process_error_output(process), buffer, 6) == 0);
    CHECK(memcmp(buffer, "error\n", 6) == 0);
    CHECK(coloop_process_wait(process, &status) == 0);
    CHECK(status.code == 7 && status.signal == 0);
    CHECK(coloop_process_wait(process, NULL) == 0);
    CHECK(coloop_process_kill(process, SIGTERM) == UV_ESRCH);
    coloop_process_free(process);
    return 0;
}

TEST(pipes, "a child's input and outputs are streams, and its exit code is told") {
    CHECK(run(use_pipes) == 0);
}

static int use_options(void* unused) {
    static const char* const command[] = {"/bin/sh", "-c", "echo $WORD $PWD", NULL};
    static const char* const nothing[] = {"coloop-has-no-such-program", NULL};
    static const char* const none[] = {NULL};
    static const char* const environment[] = {"WORD=given", NULL};
    static const coloop_process_options options = {
        .input = COLOOP_NULL, .output = COLOOP_PIPE, .environment = environment, .directory = "/"};
    coloop_process* process;
    char line[8];

    (void)unused;
    CHECK(coloop_process_spawn(command, &options, &process) == 0);
    CHECK(coloop_process_input(process) == NULL && coloop_process_error_output(process) == NULL);
    CHECK(coloop_stream_read_exactly(coloop_process_output(process), line, 8) == 0);
    CHECK(memcmp(line, "given /\n", 8) == 0);
    CHECK(coloop_process_wait(process, NULL) == 0);
    coloop_process_free(process);

    CHECK(coloop_process_spawn(nothing, NULL, &process) == UV_ENOENT);
    CHECK(says("run coloop-has-no-such-program: no such file or directory"));
    CHECK(coloop_process_spawn(none, NULL, &process) == UV_EINVAL);
    return 0;
}

TEST(options, "a child has the environment and folder it is given, and none that is not there") {
    CHECK(run(use_options) == 0);
}

static int end_by_signals(void* unused) {
    static const char* const stubborn[] = {"sh", "-c", "trap '' TERM; echo; exec sleep 3600", NULL};
    static const coloop_process_options pipe = {.output = COLOOP_PIPE};
    coloop_process* process;
    coloop_exit_status status;
    char byte;

    (void)unused;
    CHECK(coloop_process_spawn(sleeper, NULL, &process) == 0);
    CHECK(coloop_process_kill(process, SIGINT) == 0);
    CHECK(coloop_process_wait(process, &status) == 0);
    CHECK(status.signal == SIGINT);
    coloop_process_free(process);

    CHECK(coloop_process_spawn(sleeper, NULL, &process) == 0);
    CHECK(coloop_process_terminate(process, HOUR, &status) == 0);
    CHECK(status.signal == SIGTERM);
    coloop_process_free(process);

    CHECK(coloop_process_spawn(stubborn, &pipe, &process) == 0);
    CHECK(coloop_stream_read(coloop_process_output(process), &byte, 1) == 1); /* it ignores TERM */
    CHECK(coloop_process_terminate(process, 1, &status) == 0);
    CHECK(status.signal == SIGKILL);
    coloop_process_free(process);
    return 0;
}

TEST(signals, "a child can be sent signals, asked to end, and made to") {
    CHECK(run(end_by_signals) == 0);
}

static int wait_for_it(void* process) {
    coloop_exit_status status = {0, 0};
    int code = coloop_process_wait(process, &status);

    note(code == UV_ECANCELED ? "cancelled" : status.signal == SIGKILL ? "killed" : "?");
    return 0;
}

static pid_t left_behind;

static int end_waits(void* unused) {
    coloop_group* group = coloop_group_new();
    coloop_process* process;
    coloop_scope scope;

    (void)unused;
    CHECK(coloop_process_spawn(sleeper, NULL, &process) == 0);
    left_behind = coloop_process_id(process);
    CHECK(coloop_group_spawn(group, wait_for_it, process) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cancelled");
    coloop_group_free(group);
    CHECK(kill(left_behind, 0) == 0); /* which did nothing to it */

    coloop_scope_open(&scope);
    coloop_scope_cancel(&scope);
    CHECK(coloop_process_wait(process, NULL) == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ECANCELED);

    group = coloop_group_new();
    CHECK(coloop_group_spawn(group, wait_for_it, process) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_process_free(process); /* while the other waits */
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("killed");
    coloop_group_free(group);
    return 0;
}

TEST(ends, "who waits can be called off, and a child that is freed is killed and reaped") {
    CHECK(run(end_waits) == 0);
    CHECK(kill(left_behind, 0) == -1 && errno == ESRCH);
}
