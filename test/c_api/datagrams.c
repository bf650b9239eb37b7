/* SPDX-License-Identifier: MIT */
/* coloop.h: UDP. */
#include <string.h>
#include <uv.h>

#include <coloop/coloop.h>

#include "check.h"

static int run(int (*function)(void*)) { return coloop_run(function, NULL); }

static bool says(const char* words) { return strstr(coloop_error_message(), words) != NULL; }

static coloop_address at(coloop_udp* udp) {
    coloop_address address = {"127.0.0.1", coloop_udp_port(udp)};

    return address;
}

static int ask_and_answer(void* unused) {
    coloop_udp *asks, *answers;
    coloop_address receiver, sender;
    char buffer[8];

    (void)unused;
    CHECK(coloop_udp_bind("127.0.0.1", 0, &answers) == 0);
    CHECK(coloop_udp_connect("127.0.0.1", coloop_udp_port(answers), &asks) == 0);
    CHECK(coloop_udp_send(asks, "why?", 4, NULL) == 0);
    CHECK(coloop_udp_receive(answers, buffer, sizeof buffer, &sender) == 4);
    CHECK(memcmp(buffer, "why?", 4) == 0);
    CHECK(strcmp(sender.host, "127.0.0.1") == 0 && sender.port == coloop_udp_port(asks));
    CHECK(coloop_udp_send(answers, "", 0, &sender) == 0);
    CHECK(coloop_udp_receive(asks, buffer, sizeof buffer, NULL) == 0);

    receiver = at(answers);
    CHECK(coloop_udp_send(answers, "too long for it", 15, &receiver) == 0);
    CHECK(coloop_udp_receive(answers, buffer, sizeof buffer, &sender) == UV_EMSGSIZE);
    CHECK(memcmp(buffer, "too long", 8) == 0);
    CHECK(says("receive from 127.0.0.1:") && says("message too long"));
    coloop_udp_free(asks);
    coloop_udp_free(answers);
    return 0;
}

TEST(talking, "datagrams arrive whole, with their sender, and what is cut says so") {
    CHECK(run(ask_and_answer) == 0);
}

static int be_refused(void* unused) {
    static const coloop_address nonsense = {"nonsense", 7};
    coloop_udp *udp, *other;
    uint16_t port;
    char buffer[8];

    (void)unused;
    CHECK(coloop_udp_bind("nonsense", 0, &udp) == UV_EINVAL);
    CHECK(coloop_udp_connect("nonsense", 7, &udp) == UV_EINVAL);
    CHECK(coloop_udp_bind("127.0.0.1", 0, &udp) == 0);
    port = coloop_udp_port(udp);
    CHECK(coloop_udp_bind("127.0.0.1", port, &other) == UV_EADDRINUSE);
    CHECK(coloop_udp_send(udp, "x", 1, &nonsense) == UV_EINVAL);
    CHECK(coloop_udp_send(udp, "x", 1, NULL) == UV_EDESTADDRREQ);
    coloop_udp_free(udp);

    CHECK(coloop_udp_connect("127.0.0.1", 1, &udp) == 0);
    CHECK(coloop_udp_send(udp, "x", 1, NULL) == 0);
    CHECK(coloop_udp_receive(udp, buffer, sizeof buffer, NULL) == UV_ECONNREFUSED);
    coloop_udp_free(udp);
    return 0;
}

TEST(refusals, "what the system refuses has a code, and harms nothing") {
    CHECK(run(be_refused) == 0);
}

static int receive_one(void* udp) {
    char byte;
    int64_t status = coloop_udp_receive(udp, &byte, 1, NULL);

    note(status == UV_EBADF ? "closed" : status == UV_ECANCELED ? "cancelled" : "?");
    return 0;
}

static int end_waits(void* unused) {
    coloop_group* group = coloop_group_new();
    coloop_address receiver;
    coloop_scope scope;
    coloop_udp* udp;

    (void)unused;
    CHECK(coloop_udp_bind("127.0.0.1", 0, &udp) == 0);
    receiver = at(udp);
    CHECK(coloop_group_spawn(group, receive_one, udp) == 0);
    CHECK(coloop_group_spawn(group, receive_one, udp) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_group_cancel(group);
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("cancelled cancelled");
    coloop_group_free(group);

    coloop_scope_open(&scope);
    coloop_scope_cancel(&scope);
    CHECK(coloop_udp_send(udp, "x", 1, &receiver) == UV_ECANCELED);
    CHECK(coloop_udp_receive(udp, &scope, 0, NULL) == UV_ECANCELED);
    CHECK(coloop_scope_close(&scope) == UV_ECANCELED);

    group = coloop_group_new();
    CHECK(coloop_group_spawn(group, receive_one, udp) == 0);
    CHECK(coloop_sleep_ns(0) == 0);
    coloop_udp_free(udp); /* while the other receives */
    CHECK(coloop_group_wait(group) == 0);
    CHECK_NOTES("closed");
    coloop_group_free(group);
    return 0;
}

TEST(ends, "who receives can be called off, and is told that another has freed the socket") {
    CHECK(run(end_waits) == 0);
}
