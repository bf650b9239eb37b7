/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test *first, **last = &first;
static int broken, checks;
static char notes[4096];

void add_test(struct test* test) {
    *last = test;
    last = &test->next;
}

void check(bool holds, const char* what, const char* file, int line) {
    checks++;
    if (!holds) {
        broken++;
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    }
}

void note(const char* what) {
    if (strlen(notes) + strlen(what) + 2 < sizeof notes) {
        strcat(notes, what);
        strcat(notes, " ");
    }
}

void check_notes(const char* expected, const char* file, int line) {
    size_t length = strlen(notes);

    if (length > 0) {
        notes[length - 1] = '\0';
    }
    checks++;
    if (strcmp(notes, expected) != 0) {
        broken++;
        fprintf(stderr, "%s:%d: expected \"%s\", got \"%s\"\n", file, line, expected, notes);
    }
    notes[0] = '\0';
}

void expect_misuse(void (*function)(void), const char* sentence, const char* file, int line) {
    char words[1024];
    size_t length = 0;
    ssize_t count;
    int ends[2], status = 0;
    pid_t child;

    fflush(NULL);
    if (pipe(ends) != 0) {
        abort();
    }
    child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        function();
        _exit(0);
    }
    close(ends[1]);
    while ((count = read(ends[0], words + length, sizeof words - 1 - length)) > 0) {
        length += (size_t)count;
    }
    words[length] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    checks++;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(words, sentence) ||
        strncmp(words, "coloop: ", 8) != 0) {
        broken++;
        fprintf(stderr, "%s:%d: expected an abort with \"%s\", got status %d and \"%s\"\n", file,
                line, sentence, status, words);
    }
}

int main(void) {
    const struct test* test;
    int tests = 0;

    for (test = first; test; test = test->next) {
        int before = broken;

        tests++;
        notes[0] = '\0';
        test->function();
        if (broken > before) {
            fprintf(stderr, "broken promise: %s\n", test->promise);
        }
    }
    printf("%d tests, %d checks, %d broken\n", tests, checks, broken);
    return broken == 0 && tests > 0 && checks > 0 ? 0 : 1;
}
