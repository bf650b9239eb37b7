#!/usr/bin/env bash
#
# What the echo server promises, seen from outside:
#
#     echo_test.sh <echo> <many_clients> <connections> <scenario>
#
# A scenario is one of the functions below. Exits with 77 if a tool for it is missing.
set -euo pipefail

echo_program=$1
many_clients=$2
connections=$3
scenario=$4

work=$(mktemp -d)
server=
clients=

clean_up() {
    for process in $server $clients; do
        kill -KILL "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "$scenario: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || {
        echo "skipped: $1 is not installed"
        exit 77
    }
}

wait_for_line() { # <file> <text>
    for ((i = 0; i < 3000; i++)); do
        if grep -qs "$2" "$1"; then
            return
        fi
        sleep 0.05
    done
    fail "no line '$2' in 150 seconds: $(cat "$1")"
}

# Starts the server on a free port; its address is then in $address.
start() {
    "$echo_program" --port 0 "$@" >"$work/out" 2>"$work/err" &
    server=$!
    wait_for_line "$work/out" '^listening on '
    address=$(sed -n 's/^listening on //p' "$work/out")
}

# Opens connections that stay open, in a process of their own.
hold() { # <connections>
    "$many_clients" "$address" "$1" 1 hold >"$work/clients" &
    clients=$!
    wait_for_line "$work/clients" '^holding'
}

let_go() {
    kill -TERM "$clients"
    wait "$clients" || fail "the clients failed"
    clients=
}

# Waits for the server, which must end with this code.
expect_exit() { # <code>
    local code=0
    wait "$server" || code=$?
    server=
    [ "$code" = "$1" ] || fail "ended with $code, not $1: $(cat "$work/err")"
}

stop() {
    kill -INT "$server"
    expect_exit 0
    grep -q '^drained, ' "$work/out" || fail "did not say that it drained"
    [ ! -s "$work/err" ] || fail "complained: $(cat "$work/err")"
}

count_descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }

sockets() { find "/proc/$server/fd" -lname 'socket:*' | wc -l; }

# Whether the server, and not somebody else, listens on its port.
listens() {
    local inode
    inode=$(awk -v port="$(printf ':%04X' "${address##*:}")" \
        'substr($2, 9) == port && $4 == "0A" { print $10 }' /proc/net/tcp)
    [ -n "$inode" ] && find "/proc/$server/fd" -lname "socket:\\[$inode\\]" | grep -q .
}

resident_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status"; }

wake_ups() { sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$server/status"; }

# The server has noticed that all connections are gone, so the one that listens is left.
wait_for_one_socket() {
    for ((i = 0; i < 3000; i++)); do
        if [ "$(sockets)" = 1 ]; then
            return
        fi
        sleep 0.05
    done
    fail "$(sockets) sockets are left"
}

sends_back_what_it_gets() {
    need socat
    start
    head -c 4194304 /dev/urandom >"$work/sent"
    socat -t 150 - "TCP:$address" <"$work/sent" >"$work/received"
    cmp "$work/sent" "$work/received" || fail "other bytes came back"
    stop
}

# What is resident once stacks that stay unused have given back their memory, step by step: when it
# has stayed the same for so long that a busy machine does not explain it.
settled_resident_kib() {
    local last= now same=0
    for ((i = 0; i < 120 && (i < 9 || same < 6); i++)); do
        now=$(resident_kib)
        [ "$now" = "$last" ] && same=$((same + 1)) || same=0
        last=$now
        sleep 0.25
    done
    echo "$now"
}

serves_many_at_once_and_keeps_nothing() {
    start
    "$many_clients" "$address" "$connections" 3 || fail "a client failed"
    wait_for_one_socket
    local descriptors
    descriptors=$(count_descriptors)
    local resident
    resident=$(settled_resident_kib)
    "$many_clients" "$address" "$connections" 3 || fail "a client failed the second time"
    wait_for_one_socket
    [ "$(count_descriptors)" = "$descriptors" ] || fail "$(count_descriptors) descriptors are left"
    local grown=$(($(settled_resident_kib) - resident))
    [ "$grown" -lt $((resident / 10 + 4096)) ] || fail "grew by $grown KiB on $resident KiB"
    stop
    grep -q "drained, $((2 * connections)) connections served" "$work/out" ||
        fail "$(tail -1 "$work/out")"
}

sleeps_while_nobody_sends() {
    start
    hold 1000
    local before=
    for ((i = 0; i < 15; i++)); do # stacks that are not used are given back at first
        before=$(wake_ups)
        sleep 3
        [ "$(wake_ups)" != "$before" ] || break
    done
    [ "$(wake_ups)" = "$before" ] || fail "woke $(($(wake_ups) - before)) times in 3 s"
    let_go
    stop
}

needs_three_system_calls_for_an_answer() {
    need strace
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # that and strace exclude each other
    start
    strace -f -c -o "$work/calls" -p "$server" 2>"$work/strace" &
    local tracer=$!
    while ! grep -q attached "$work/strace"; do
        kill -0 "$tracer" 2>/dev/null || {
            echo "skipped: strace can't attach: $(cat "$work/strace")"
            exit 77
        }
        sleep 0.05
    done
    "$many_clients" "$address" 1 1000 || fail "a client failed"
    stop
    wait "$tracer" || true
    local calls
    calls=$(awk '/^ *[0-9.]+ +[0-9.]+ / { print $NF "=" $4 }' "$work/calls")
    count() { echo "$calls" | sed -n "s/^$1=//p"; }
    local polls=$(($(count epoll_wait) + $(count epoll_pwait) + 0))
    [ "$(count read)" -lt 1100 ] || fail "too many reads: $calls"
    [ "$(count write)" -lt 1100 ] || fail "too many writes: $calls"
    [ "$polls" -lt 1100 ] || fail "too many polls: $calls"
    [ "$(($(count epoll_ctl) + 0))" -lt 20 ] || fail "epoll_ctl for each answer: $calls"
}

drains_when_interrupted() {
    start --grace 600
    hold 3
    kill -INT "$server"
    wait_for_line "$work/out" '^draining'
    for ((i = 0; i < 3000; i++)); do
        listens || break
        sleep 0.05
    done
    ! listens || fail "listens while it drains"
    kill -0 "$server" || fail "did not wait for its connections"
    let_go
    expect_exit 0
    grep -q '^drained, 3 connections served' "$work/out" || fail "$(cat "$work/out")"
}

ends_stragglers_after_the_grace() {
    start --grace 0.1
    hold 3
    kill -TERM "$server"
    expect_exit 0
    expect_stragglers
    ! let_go 2>/dev/null || true
}

# It said whom it cancelled, and what they waited for.
expect_stragglers() {
    grep -qx 'coloop: handlers that did not end in time and are cancelled: 3' "$work/err" &&
        [ "$(grep -c '^  coroutine "connection" waits.*: read 127.0.0.1:' "$work/err")" = 3 ] ||
        fail "said: $(cat "$work/err")"
}

is_cut_short_by_a_second_signal() {
    start --grace 600
    hold 3
    kill -INT "$server"
    wait_for_line "$work/out" '^draining'
    kill -INT "$server"
    expect_exit 0
    grep -q '^drained, 3 connections served' "$work/out" || fail "$(cat "$work/out")"
    expect_stragglers
    ! let_go 2>/dev/null || true
}

explains_itself_and_its_troubles() {
    "$echo_program" --help | grep -q -- '--max-connections' || fail "--help does not help"
    local code=0
    "$echo_program" --port 70000 >"$work/out" 2>&1 || code=$?
    [ "$code" != 0 ] || fail "accepts port 70000"
    grep -q -- '--port' "$work/out" || fail "does not name the option: $(cat "$work/out")"
    code=0
    "$echo_program" --host nowhere --port 0 >"$work/out" 2>&1 || code=$?
    [ "$code" = 1 ] && grep -q '^parse address nowhere: invalid argument$' "$work/out" ||
        fail "ended with $code: $(cat "$work/out")"
    start
    code=0
    "$echo_program" --port "${address##*:}" >"$work/second" 2>&1 || code=$?
    [ "$code" = 1 ] && grep -qx "listen on $address: address already in use" "$work/second" ||
        fail "ended with $code: $(cat "$work/second")"
    stop
}

"$scenario"
