#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How many system calls operations make, by strace: system_calls_test.sh SYSTEM_CALLS SCENARIO.
# Exits with 77 if strace is missing or may not trace.
set -euo pipefail

program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # the leak checker traces, too
strace -o "$work/calls" true 2>/dev/null || {
    echo "skipped: strace is not installed, or may not trace"
    exit 77
}

fail() {
    echo "$*:" $calls
    exit 1
}

# Counts the calls of the part that the program marks, by the thread of its loop; then $calls is
# "name=count ...". Those of its other threads, and of other processes, are "other_name=count".
trace() { # <scenario> <rounds>
    strace -f -s 8 -o "$work/calls" "$program" "$@"
    calls=$(awk '
        / write\(-1, "begin"/ { loop = $1; counting = 1; next }
        / write\(-1, "end"/ { counting = 0 }
        counting && match($2, /^[a-z0-9_]+\(/) {
            ++count[($1 == loop ? "" : "other_") substr($2, 1, RLENGTH - 1)]
        }
        END { for (name in count) print name "=" count[name] }' "$work/calls")
}

# How many of the named calls there were.
count() { # <name>...
    local sum=0 name
    for name in "$@"; do
        sum=$((sum + $(echo "$calls" | sed -n "s/^$name=//p") + 0))
    done
    echo "$sum"
}

polls() { count epoll_wait epoll_pwait; }

expect_one_call_each_way() {
    [ "$(count write)" = 200 ] || fail "not one write for each answer"
    [ "$(count read)" -le 210 ] || fail "more than one read for each question"
    [ "$(polls)" -le 210 ] || fail "polls more than once for each question"
    [ "$(count epoll_ctl)" -le 4 ] || fail "epoll_ctl for each answer"
    # shellcheck disable=SC2046
    [ "$(count $(echo "$calls" | grep -v ^other_ | cut -d= -f1))" -le 630 ] ||
        fail "others for each answer"
}

an_answer_over_tcp_takes_a_poll_a_read_and_a_write() {
    trace tcp_echo 200
    expect_one_call_each_way
}

an_answer_over_a_pipe_takes_a_poll_a_read_and_a_write() {
    trace pipe_echo 200
    expect_one_call_each_way
}

# While datagrams come in a row they are taken without polling, so the first try may find nothing.
an_answer_by_datagram_takes_one_send_and_two_receives_at_most() {
    trace datagram_echo 200
    [ "$(count sendmsg sendto sendmmsg)" = 200 ] || fail "not one send for each answer"
    [ "$(count recvmsg recvfrom recvmmsg)" -le 410 ] || fail "more than two receives for each"
    [ "$(polls)" -le 210 ] || fail "polls more than once for each question"
    [ "$(count epoll_ctl)" -le 4 ] || fail "epoll_ctl for each answer"
}

each_connection_takes_one_accept_and_each_batch_one_more() {
    trace accepting 160
    [ "$(count accept4)" -le 170 ] || fail "not one accept for each connection"
    [ "$(polls)" -le 12 ] || fail "a batch is smaller than 16"
}

a_batch_of_datagrams_is_sent_and_received_by_one_call_each() {
    trace datagrams 50
    [ "$(count sendmmsg)" = 50 ] || fail "not one call for the sending"
    [ "$(count recvmmsg)" -le 52 ] || fail "not one call for the receiving"
    [ "$(count sendmsg sendto recvmsg recvfrom)" -le 2 ] || fail "datagrams go one by one"
}

what_is_cached_is_read_by_one_call_and_no_thread() {
    trace cached_file 500
    if [ "$(count preadv2)" = 0 ]; then # a file system that can't say what is cached
        [ "$(count pread64)" -ge 500 ] || fail "reads nothing"
        exit 77
    fi
    [ "$(count preadv2)" = 500 ] || fail "not one read each"
    # The threads of the pool may still be on their way to sleep.
    [ "$(count futex pread64 clone clone3 other_pread64 other_preadv other_preadv2)" = 0 ] ||
        fail "asks a thread"
    [ "$(polls)" -le 50 ] || fail "polls for each read"
}

nothing_happens_in_an_idle_second() {
    trace idle 1
    [ "$(polls)" -le 3 ] || fail "wakes up"
    [ "$(count read write futex epoll_ctl recvmsg recvmmsg accept4)" = 0 ] || fail "does something"
}

"$2"
