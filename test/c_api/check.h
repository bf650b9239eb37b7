/* SPDX-License-Identifier: MIT */
/*
 * What the C programs of this folder test with: each TEST runs in the order of the file, and
 * main() says which promises were broken.
 */
#ifndef COLOOP_TEST_CHECK_H
#define COLOOP_TEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct test {
    const char* promise;
    void (*function)(void);
    struct test* next;
};

void add_test(struct test* test);
void check(bool holds, const char* what, const char* file, int line);

/* Runs `function()` in a child process, and checks that it ends with one line that has this in. */
void expect_misuse(void (*function)(void), const char* sentence, const char* file, int line);

/* A diary of who ran when. */
void note(const char* what);
void check_notes(const char* expected, const char* file, int line);

#define TEST(name, promise)                                     \
    static void name(void);                                     \
    __attribute__((constructor)) static void add_##name(void) { \
        static struct test test = {promise, name, NULL};        \
        add_test(&test);                                        \
    }                                                           \
    static void name(void)

#define CHECK(holds) check(holds, #holds, __FILE__, __LINE__)
#define CHECK_NOTES(expected) check_notes(expected, __FILE__, __LINE__)
#define EXPECT_MISUSE(function, sentence) expect_misuse(function, sentence, __FILE__, __LINE__)

#endif
