#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Standard streams in pipelines: standard_stream_test.sh CAT SCENARIO
set -euo pipefail

cat=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "$*"
    exit 1
}

expect() { # WHAT GOT WANTED
    [ "$2" = "$3" ] || fail "$1: got '$2' instead of '$3'"
}

# The flags of standard input, as the process that shares it sees them.
flags='sed -n "s/^flags:[[:space:]]*//p" /proc/self/fdinfo/0'
is_blocking() { [ $(((8#$1) & 8#4000)) = 0 ]; }

copies_from_and_to_whatever_there_is() {
    head -c 3000000 /dev/urandom >"$work/data"
    "$cat" <"$work/data" >"$work/copy" && cmp "$work/data" "$work/copy"
    head -c 3000000 "$work/data" | "$cat" | "$cat" | cmp "$work/data" -
    mkfifo "$work/fifo"
    "$cat" <"$work/fifo" >"$work/copy" &
    "$cat" <"$work/data" >"$work/fifo"
    wait $!
    cmp "$work/data" "$work/copy"
    "$cat" </dev/null >"$work/copy"
    expect "from /dev/null" "$(wc -c <"$work/copy")" 0
    "$cat" <"$work/data" >/dev/null
    echo appended | "$cat" >>"$work/copy"
    echo again | "$cat" >>"$work/copy"
    expect "appending" "$(tr '\n' ' ' <"$work/copy")" "appended again "
    socat -t 30 - EXEC:"$cat" <"$work/data" >"$work/copy"
    cmp "$work/data" "$work/copy"
}

knows_what_there_is() {
    echo x >"$work/file"
    expect "file and pipe" "$("$cat" kind <"$work/file" 2>&1 >/dev/null | head -1)" "file to file"
    expect "pipes" "$(echo x | { "$cat" kind 2>&3 | cat >/dev/null; } 3>&1)" "pipe to pipe"
    socat -t 30 - SYSTEM:"$cat kind 2>$work/kinds" <"$work/file" >/dev/null
    expect "sockets" "$(cat "$work/kinds")" "pipe to pipe"
    expect "terminal" "$(script -qec "echo | $cat kind" /dev/null | tr -d '\r' | head -1)" \
        "pipe to terminal"
}

says_what_is_wrong() {
    set +e
    "$cat" <&- 2>"$work/said"
    expect "its status" $? 3
    expect "no input" "$(cat "$work/said")" "read standard input: bad file descriptor"
    echo x | "$cat" 2>"$work/said" >&-
    expect "no output" "$(cat "$work/said")" "write standard output: bad file descriptor"
    "$cat" </ 2>"$work/said"
    expect "a directory" "$(cat "$work/said")" \
        "read standard input: illegal operation on a directory"
    head -c 10000000 /dev/zero | "$cat" 2>"$work/said" | head -c 1 >/dev/null
    expect "a reader that leaves" "$(cat "$work/said")" "write standard output: broken pipe"
    set -e
}

# A program that shares standard input with CAT, which has it open meanwhile.
shares_with_cat() {
    "$cat" kind <&0 >/dev/null 2>"$work/kinds" &
    while [ ! -s "$work/kinds" ]; do read -rt 0.01 <>"$work/nothing" || true; done
    eval "$flags" >"$work/flags"
    kill $!
}

leaves_what_it_shares_as_it_was() {
    mkfifo "$work/nothing" "$work/fifo"
    exec 5<>"$work/fifo"
    shares_with_cat <&5
    is_blocking "$(cat "$work/flags")" || fail "a pipe was made non-blocking"
    rm "$work/kinds"
    export work cat flags
    export -f shares_with_cat
    socat -t 0 - EXEC:'bash -c shares_with_cat' <&5 >/dev/null
    is_blocking "$(cat "$work/flags")" || fail "a socket was made non-blocking"
}

"$2"
