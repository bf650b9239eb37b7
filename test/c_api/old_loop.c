/* SPDX-License-Identifier: MIT */
/* QEMU 1.1.1: sleeping, and the primitive driven by the timers and sockets of a libuv loop. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <coloop/qemu-coroutine.h>

#include "check.h"

#define MILLISECOND 1000000LL
#define HOUR (3600LL * 1000 * MILLISECOND)

static coloop_loop* loop;
static uv_loop_t* uv;

static void attach(void) {
    uv = uv_default_loop();
    loop = coloop_loop_attach(uv);
}

static void run(void) { CHECK(uv_run(uv, UV_RUN_DEFAULT) == 0); }

static void detach(void) {
    coloop_loop_detach(loop);
    run();
    CHECK(uv_loop_close(uv) == 0);
}

struct sleeper {
    QEMUClock* clock;
    int64_t ns;
    const char* name;
};

static void coroutine_fn sleep_and_note(void* opaque) {
    struct sleeper* sleeper = opaque;

    co_sleep_ns(sleeper->clock, sleeper->ns);
    note(sleeper->name);
}

static bool sleeper_is_back;

static void coroutine_fn sleep_and_tell(void* opaque) {
    sleeper_is_back = false;
    sleep_and_note(opaque);
    sleeper_is_back = true;
}

static Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* coroutine = qemu_coroutine_create(entry);

    qemu_coroutine_enter(coroutine, opaque);
    return coroutine;
}

TEST(order, "sleepers wake in the order of their deadlines, by each clock, and never too early") {
    QEMUClock* clocks[] = {rt_clock, vm_clock, host_clock};
    size_t i;

    attach();
    for (i = 0; i < 3; i++) {
        struct sleeper late = {clocks[i], HOUR, "late"};
        struct sleeper soon = {clocks[i], 3 * MILLISECOND, "soon"};
        struct sleeper later = {clocks[i], 4 * MILLISECOND, "later"};
        uint64_t before = uv_hrtime();
        Coroutine* sleeps_on = start(sleep_and_note, &late);

        start(sleep_and_note, &soon);
        start(sleep_and_tell, &later);
        note("asleep");
        while (!sleeper_is_back) {
            uv_run(uv, UV_RUN_ONCE);
        }
        CHECK(uv_hrtime() - before >= 4 * MILLISECOND);
        qemu_coroutine_enter(sleeps_on, NULL);
        run();
        CHECK_NOTES("asleep soon later late");
    }
    detach();
}

TEST(equal_deadlines,
     "those with the same deadline wake in the order in which they went to sleep") {
    struct sleeper first = {rt_clock, 0, "first"};
    struct sleeper second = {rt_clock, -1, "second"};
    struct sleeper third = {rt_clock, INT64_MIN, "third"};

    attach();
    start(sleep_and_note, &first);
    start(sleep_and_note, &second);
    start(sleep_and_note, &third);
    note("yielded");
    run();
    CHECK_NOTES("yielded first second third");
    detach();
}

static void coroutine_fn sleep_negative(void* opaque) {
    int* naps = opaque;

    while (*naps < 1000) {
        co_sleep_ns(rt_clock, -1);
        ++*naps;
    }
}

static void count_turn(uv_check_t* counter) { ++*(int*)counter->data; }

TEST(negative, "sleeping for nothing lets the loop take its turn each time") {
    int naps = 0, turns = 0;
    uv_check_t counter;

    attach();
    uv_check_init(uv, &counter);
    counter.data = &turns;
    uv_check_start(&counter, count_turn);
    uv_unref((uv_handle_t*)&counter);
    start(sleep_negative, &naps);
    run();
    CHECK(naps == 1000);
    CHECK(turns >= 1000);
    uv_close((uv_handle_t*)&counter, NULL);
    detach();
}

TEST(enter_a_sleeper, "entering a sleeper ends its sleep, at once, and drops its timer") {
    QEMUClock* clocks[] = {rt_clock, vm_clock, host_clock};
    size_t i;

    attach();
    for (i = 0; i < 3; i++) {
        struct sleeper sleeper = {clocks[i], HOUR, "woken"};
        Coroutine* coroutine = start(sleep_and_note, &sleeper);

        note("asleep");
        qemu_coroutine_enter(coroutine, NULL);
        note("returned");
        run(); /* nothing keeps the loop alive */
        CHECK_NOTES("asleep woken returned");
    }
    detach();
}

static void coroutine_fn sleep_twice(void* opaque) {
    sleep_and_note(opaque);
    sleep_and_note(opaque);
}

static void coroutine_fn enter_it(void* coroutine) {
    note("enter");
    qemu_coroutine_enter(coroutine, NULL);
    note("left");
}

static Coroutine* sleeping;

static void enter_from_timer(uv_timer_t* timer) {
    qemu_coroutine_enter(sleeping, NULL);
    uv_close((uv_handle_t*)timer, NULL);
}

TEST(enter_a_due_sleeper, "a sleeper whose time has come may still be entered, and runs once") {
    struct sleeper sleeper = {vm_clock, HOUR, "s"};
    struct sleeper due = {rt_clock, 2 * MILLISECOND, "due"};
    uint64_t before;
    uv_timer_t timer;

    attach();
    sleeping = start(sleep_twice, &sleeper);
    qemu_coroutine_enter(qemu_coroutine_create(enter_it), sleeping);
    CHECK_NOTES("enter s left");
    uv_timer_init(uv, &timer);
    uv_timer_start(&timer, enter_from_timer, 1, 0);
    run();
    CHECK_NOTES("s");

    /* Both are late, so the same pass makes the sleeper ready and then enters it. */
    sleeping = start(sleep_and_note, &due);
    uv_timer_init(uv, &timer);
    uv_timer_start(&timer, enter_from_timer, 3, 0);
    before = uv_hrtime();
    while (uv_hrtime() - before < 10 * MILLISECOND) {
    }
    run();
    CHECK_NOTES("due");
    detach();
}

static void coroutine_fn sleep_and_start_machine(void* opaque) {
    sleep_and_note(opaque);
    note("start");
    coloop_qemu_run_vm_clock(true);
}

TEST(vm_clock_stops, "while the machine's clock stands still, who sleeps by it sleeps on") {
    struct sleeper by_machine = {vm_clock, MILLISECOND, "vm"};
    struct sleeper by_time = {rt_clock, 5 * MILLISECOND, "rt"};

    attach();
    coloop_qemu_run_vm_clock(false);
    start(sleep_and_note, &by_machine);
    start(sleep_and_start_machine, &by_time);
    run();
    CHECK_NOTES("rt start vm");
    detach();
}

/* ---- a socket: callbacks enter the coroutine that has yielded for them, as in QEMU ---- */

struct connection {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    Coroutine* coroutine;
    char buffer[64];
    ssize_t received;
    int status;
};

static void on_connect(uv_connect_t* request, int status) {
    struct connection* connection = request->data;

    connection->status = status;
    qemu_coroutine_enter(connection->coroutine, NULL);
}

static void on_written(uv_write_t* request, int status) {
    struct connection* connection = request->data;

    connection->status = status;
    qemu_coroutine_enter(connection->coroutine, NULL);
}

static void on_alloc(uv_handle_t* handle, size_t size, uv_buf_t* buffer) {
    struct connection* connection = handle->data;

    (void)size;
    *buffer = uv_buf_init(connection->buffer, sizeof connection->buffer);
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
    struct connection* connection = stream->data;

    (void)buffer;
    if (count != 0) {
        uv_read_stop(stream);
        connection->received = count;
        qemu_coroutine_enter(connection->coroutine, NULL);
    }
}

static ssize_t coroutine_fn receive(struct connection* connection) {
    uv_read_start((uv_stream_t*)&connection->tcp, on_alloc, on_read);
    qemu_coroutine_yield();
    return connection->received;
}

static void coroutine_fn send_all(struct connection* connection, size_t size) {
    uv_buf_t buffer = uv_buf_init(connection->buffer, (unsigned)size);

    connection->write.data = connection;
    uv_write(&connection->write, (uv_stream_t*)&connection->tcp, &buffer, 1, on_written);
    qemu_coroutine_yield();
    CHECK(connection->status == 0);
}

static void on_closed(uv_handle_t* handle) { free(handle->data); }

static struct connection* new_connection(void) {
    struct connection* connection = calloc(1, sizeof *connection);

    uv_tcp_init(uv, &connection->tcp);
    connection->tcp.data = connection;
    connection->coroutine = qemu_coroutine_self();
    return connection;
}

static void coroutine_fn echo(void* listener) {
    struct connection* client = new_connection();
    ssize_t size;

    CHECK(uv_accept(listener, (uv_stream_t*)&client->tcp) == 0);
    while ((size = receive(client)) > 0) {
        send_all(client, (size_t)size);
    }
    CHECK(size == UV_EOF);
    uv_close((uv_handle_t*)&client->tcp, on_closed);
    uv_close((uv_handle_t*)listener, NULL);
    note("served");
}

static void on_connection(uv_stream_t* listener, int status) {
    CHECK(status == 0);
    start(echo, listener);
}

static void coroutine_fn ask(void* address) {
    struct connection* server = new_connection();
    int i;

    server->connect.data = server;
    uv_tcp_connect(&server->connect, &server->tcp, address, on_connect);
    qemu_coroutine_yield();
    CHECK(server->status == 0);
    for (i = 0; i < 3; i++) {
        strcpy(server->buffer, "hello");
        send_all(server, 5);
        memset(server->buffer, 0, sizeof server->buffer);
        CHECK(receive(server) == 5);
        note(server->buffer);
        co_sleep_ns(rt_clock, MILLISECOND);
    }
    uv_close((uv_handle_t*)&server->tcp, on_closed);
}

TEST(sockets, "callbacks of libuv enter the coroutine that yielded for them") {
    struct sockaddr_in address;
    int size = sizeof address;
    uv_tcp_t listener;

    attach();
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(uv, &listener);
    CHECK(uv_tcp_bind(&listener, (struct sockaddr*)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t*)&listener, 1, on_connection) == 0);
    uv_tcp_getsockname(&listener, (struct sockaddr*)&address, &size);
    start(ask, &address);
    run();
    CHECK_NOTES("hello hello hello served");
    detach();
}

static void sleeps_outside(void) {
    attach();
    co_sleep_ns(rt_clock, 0);
}

static void sleeps_without_loop(void) {
    struct sleeper sleeper = {rt_clock, 0, "s"};

    start(sleep_and_note, &sleeper);
}

static void runs_the_loop(void* opaque) {
    (void)opaque;
    uv_run(uv, UV_RUN_DEFAULT);
}

static void runs_the_loop_inside(void) {
    struct sleeper sleeper = {rt_clock, HOUR, "s"};

    attach();
    start(sleep_and_note, &sleeper);
    start(runs_the_loop, NULL);
}

static void detaches_while_one_sleeps(void) {
    struct sleeper sleeper = {rt_clock, HOUR, "s"};

    attach();
    start(sleep_and_note, &sleeper);
    coloop_loop_detach(loop);
    run();
}

TEST(misuse, "sleeping without a loop or a coroutine, and running the loop in one, are refused") {
    EXPECT_MISUSE(sleeps_outside, "cannot sleep outside a coroutine");
    EXPECT_MISUSE(sleeps_without_loop, "cannot sleep in coroutine");
    EXPECT_MISUSE(runs_the_loop_inside, "uv_run() was called in coroutine");
    EXPECT_MISUSE(detaches_while_one_sleeps, "sleep, but the Loop that would run it again is gone");
}
