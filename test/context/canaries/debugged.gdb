# SPDX-License-Identifier: MIT
# Backtraces of a running and of a suspended coroutine; the second needs but its four registers.
set pagination off
set confirm off
handle all nostop noprint
set debuginfod enabled off
break stop_here
run
echo == running\n
backtrace
echo == suspended\n
set $context = suspended->context_
set $sp = $context.stack_pointer
set $rbp = $context.frame_pointer
set $rbx = $context.base_pointer
set $pc = $context.resume_address
backtrace
echo == end\n
kill
