/* SPDX-License-Identifier: MIT */
/* Today's QEMU: loops and threads, descriptors, shared resources, calls put off. */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <coloop/qemu/coroutine.h>

#include "check.h"

static AioContext* loop;
static uv_async_t alive; /* keeps the loop going for other threads */
static pthread_t main_thread;

static void attach(void) {
    loop = coloop_loop_attach(uv_default_loop());
    main_thread = pthread_self();
}

static void run(void) { CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0); }

static void detach(void) {
    coloop_loop_detach(loop);
    run();
    CHECK(uv_loop_close(uv_default_loop()) == 0);
}

static void keep_alive(void) { uv_async_init(uv_default_loop(), &alive, NULL); }

static void let_go(void) { uv_close((uv_handle_t*)&alive, NULL); }

static Coroutine* start(CoroutineEntry* entry, void* opaque) {
    Coroutine* coroutine = qemu_coroutine_create(entry, opaque);

    qemu_coroutine_enter(coroutine);
    return coroutine;
}

/* ---- loops ---- */

static void coroutine_fn schedule_self(void* name) {
    CHECK(qemu_get_current_aio_context() == loop);
    aio_co_schedule(loop, qemu_coroutine_self());
    qemu_coroutine_yield();
    note(name);
}

TEST(schedule, "a coroutine schedules itself and goes on in a later turn, in the order of asking") {
    Coroutine* coroutine;

    attach();
    CHECK(qemu_get_current_aio_context() == loop);
    start(schedule_self, (void*)"a");
    coroutine = start(schedule_self, (void*)"b");
    CHECK(qemu_coroutine_get_aio_context(coroutine) == loop);
    note("yielded");
    run();
    CHECK_NOTES("yielded a b");
    detach();
}

static void coroutine_fn yield_and_note(void* name) {
    qemu_coroutine_yield();
    note(name);
}

static void coroutine_fn wake_it(void* coroutine) {
    aio_co_wake(coroutine);
    note("waker");
}

static void coroutine_fn just_note(void* name) { note(name); }

TEST(wake, "a wake runs it at once outside, and when the waker stops inside") {
    Coroutine *coroutine, *nested;

    attach();
    coroutine = start(yield_and_note, (void*)"a");
    aio_co_wake(coroutine);
    note("returned");
    nested = start(yield_and_note, (void*)"b");
    start(wake_it, nested);
    aio_co_enter(loop, qemu_coroutine_create(just_note, (void*)"new"));
    start(wake_it, qemu_coroutine_create(just_note, (void*)"also new"));
    CHECK_NOTES("a returned waker b new waker also new");
    detach();
}

static void coroutine_fn check_thread(void* name) {
    qemu_coroutine_yield();
    CHECK(pthread_equal(pthread_self(), main_thread));
    note(name);
    let_go();
}

static void coroutine_fn check_thread_new(void* name) {
    CHECK(pthread_equal(pthread_self(), main_thread));
    note(name);
    let_go();
}

static void* wake_there(void* coroutine) {
    aio_co_wake(coroutine);
    return NULL;
}

static void* enter_there(void* coroutine) {
    aio_co_enter(loop, coroutine);
    return NULL;
}

static void* schedule_there(void* coroutine) {
    aio_co_schedule(loop, coroutine);
    return NULL;
}

TEST(threads, "from another thread a coroutine is woken, entered or scheduled in its own loop") {
    void* (*const ways[])(void*) = {wake_there, enter_there, schedule_there};
    pthread_t thread;
    size_t i;

    attach();
    for (i = 0; i < 3; i++) {
        keep_alive();
        pthread_create(&thread, NULL, ways[i], start(check_thread, (void*)"yielded"));
        run();
        pthread_join(thread, NULL);
        keep_alive();
        pthread_create(&thread, NULL, ways[i],
                       qemu_coroutine_create(check_thread_new, (void*)"new"));
        run();
        pthread_join(thread, NULL);
    }
    CHECK_NOTES("yielded new yielded new yielded new");
    detach();
}

static void coroutine_fn move(void* other) {
    aio_co_reschedule_self(loop);
    note("stayed");
    aio_co_reschedule_self(other);
    CHECK(qemu_get_current_aio_context() == other);
    CHECK(qemu_coroutine_get_aio_context(qemu_coroutine_self()) == other);
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1);
    note("moved");
}

TEST(reschedule_self, "a coroutine moves to another loop of its thread") {
    uv_loop_t second;
    AioContext* other;

    attach();
    CHECK(uv_loop_init(&second) == 0);
    other = coloop_loop_attach(&second);
    start(move, other);
    note("asked");
    run();
    CHECK(uv_run(&second, UV_RUN_DEFAULT) == 0);
    CHECK_NOTES("stayed asked moved");
    coloop_loop_detach(other);
    uv_run(&second, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&second) == 0);
    detach();
}

TEST(no_loop, "a coroutine without a loop says so") {
    Coroutine* coroutine = qemu_coroutine_create(just_note, (void*)"ran");

    CHECK(qemu_coroutine_get_aio_context(coroutine) == NULL);
    CHECK(qemu_get_current_aio_context() == NULL);
    qemu_coroutine_enter(coroutine);
    CHECK_NOTES("ran");
}

TEST(aio_enter_home, "a new coroutine belongs to the loop that it is first entered in") {
    Coroutine* coroutine = qemu_coroutine_create(yield_and_note, (void*)"ran");

    attach();
    qemu_aio_coroutine_enter(loop, coroutine);
    CHECK(qemu_coroutine_get_aio_context(coroutine) == loop);
    aio_co_wake(coroutine);
    CHECK_NOTES("ran");
    detach();
}

/* ---- descriptors and threads of the pool ---- */

static void coroutine_fn read_socket(void* opaque) {
    int* ends = opaque;
    char byte = 0;

    yield_until_fd_readable(ends[0]);
    CHECK(read(ends[0], &byte, 1) == 1);
    CHECK(byte == 'x');
    note("read");
    yield_until_fd_readable(ends[0]); /* the end of the stream */
    CHECK(read(ends[0], &byte, 1) == 0);
    note("end");
}

static void coroutine_fn write_socket(void* opaque) {
    int* ends = opaque;

    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1000000);
    note("write");
    CHECK(write(ends[1], "x", 1) == 1);
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1000000);
    close(ends[1]);
}

static void coroutine_fn read_file(void* file) {
    yield_until_fd_readable(fileno(file));
    note("file");
}

TEST(readable, "a coroutine waits until a socket can be read or has ended, and not for files") {
    FILE* file = tmpfile();
    int ends[2];

    attach();
    start(read_file, file);
    fclose(file);
    CHECK_NOTES("file");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    start(read_socket, ends);
    start(write_socket, ends);
    run();
    close(ends[0]);
    CHECK_NOTES("write read end");
    detach();
}

static int square(void* argument) {
    CHECK(!pthread_equal(pthread_self(), main_thread));
    CHECK(!qemu_in_coroutine());
    return *(int*)argument * *(int*)argument;
}

static void coroutine_fn submit(void* opaque) {
    int number = 12;

    (void)opaque;
    CHECK(thread_pool_submit_co(square, &number) == 144);
    note("done");
}

TEST(thread_pool, "a function runs on another thread while its caller waits") {
    attach();
    start(submit, NULL);
    note("submitted");
    run();
    CHECK_NOTES("submitted done");
    detach();
}

/* ---- shared resources ---- */

struct request {
    SharedResource* resource;
    uint64_t n;
    const char* name;
};

static void coroutine_fn get(void* opaque) {
    struct request* request = opaque;

    co_get_from_shres(request->resource, request->n);
    note(request->name);
}

TEST(shared_resource, "requests wait until there is enough, and a small one passes a large one") {
    SharedResource* resource = shres_create(10);
    struct request large = {resource, 9, "large"}, small = {resource, 2, "small"};

    CHECK(co_try_get_from_shres(resource, 8));
    CHECK(!co_try_get_from_shres(resource, 3));
    start(get, &large);
    CHECK_NOTES("");
    start(get, &small);
    CHECK_NOTES("small");
    co_put_to_shres(resource, 8);
    CHECK_NOTES("");
    co_put_to_shres(resource, 1);
    CHECK_NOTES("large");
    co_put_to_shres(resource, 10);
    shres_destroy(resource);
}

/* ---- calls put off ---- */

static void say(void* what) { note(what); }

TEST(defer, "calls inside a section are made at the end of the outermost one, equal ones once") {
    char a[] = "a", b[] = "b";

    defer_call(say, a);
    defer_call_begin();
    defer_call(say, b);
    defer_call_begin();
    defer_call(say, a);
    defer_call(say, b);
    defer_call_end();
    note("inside");
    defer_call_end();
    CHECK_NOTES("a inside b a");
}

/* ---- misuse ---- */

static void coroutine_fn wake_self(void* opaque) {
    (void)opaque;
    aio_co_wake(qemu_coroutine_self());
}

static void wakes_itself(void) {
    attach();
    start(wake_self, NULL);
}

static void schedules_twice(void) {
    Coroutine* coroutine;

    attach();
    coroutine = start(yield_and_note, (void*)"a");
    aio_co_schedule(loop, coroutine);
    aio_co_schedule(loop, coroutine);
}

static void enters_a_scheduled_one(void) {
    Coroutine* coroutine;

    attach();
    coroutine = start(yield_and_note, (void*)"a");
    aio_co_schedule(loop, coroutine);
    qemu_coroutine_enter(coroutine);
}

static void* attach_and_enter(void* coroutine) {
    static uv_loop_t there;

    uv_loop_init(&there);
    aio_co_enter(coloop_loop_attach(&there), coroutine);
    return NULL;
}

static void moves_to_another_thread(void) {
    pthread_t thread;

    attach();
    pthread_create(&thread, NULL, attach_and_enter, qemu_coroutine_create(just_note, NULL));
    pthread_join(thread, NULL);
}

static void schedules_without_loop(void) {
    Coroutine* coroutine = start(yield_and_note, (void*)"a");
    pthread_t thread;

    pthread_create(&thread, NULL, wake_there, coroutine);
    pthread_join(thread, NULL);
}

static void coroutine_fn read_nothing(void* opaque) {
    (void)opaque;
    yield_until_fd_readable(-1);
}

static void reads_nothing(void) {
    attach();
    start(read_nothing, NULL);
}

static void ends_no_section(void) { defer_call_end(); }

static void puts_too_much(void) { co_put_to_shres(shres_create(1), 1); }

static void coroutine_fn get_too_much(void* opaque) { co_get_from_shres(opaque, 2); }

static void gets_too_much(void) { start(get_too_much, shres_create(1)); }

static void destroys_what_is_taken(void) {
    SharedResource* resource = shres_create(1);

    co_try_get_from_shres(resource, 1);
    shres_destroy(resource);
}

TEST(misuse, "what QEMU asserts about loops and resources is refused with a sentence") {
    EXPECT_MISUSE(wakes_itself, "only one that has yielded, or is new, can be woken");
    EXPECT_MISUSE(schedules_twice, "was already scheduled");
    EXPECT_MISUSE(enters_a_scheduled_one, "was already scheduled with aio_co_schedule()");
    EXPECT_MISUSE(moves_to_another_thread, "belongs to another thread than that loop");
    EXPECT_MISUSE(schedules_without_loop, "has no loop; attach one to its thread first");
    EXPECT_MISUSE(reads_nothing, "yield_until_fd_readable: descriptor -1: bad file descriptor");
    EXPECT_MISUSE(ends_no_section, "there was no defer_call_begin() before it");
    EXPECT_MISUSE(puts_too_much, "only 0 are taken");
    EXPECT_MISUSE(gets_too_much, "would wait for ever");
    EXPECT_MISUSE(destroys_what_is_taken, "put them back first");
}
