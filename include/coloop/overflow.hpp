// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/export.hpp>

namespace coloop {

/// Makes a coroutine that overflows its stack say so, before the process ends by SIGSEGV as it
/// would anyway, core dump included:
///
///     coloop: coroutine "parser" overflowed its stack of 262144 bytes at address 0x7f52d83fbff8;
///     give it more (CoroutineOptions::stack_size) or run what needs it by call_with_stack()
///
/// and a backtrace, on standard error. Installs handlers of SIGSEGV and SIGBUS for the process,
/// once; all other faults go on to the handlers that were there before. Gives the calling thread an
/// alternate signal stack, until it ends, unless it has one that is large enough; so call it on
/// each thread that runs coroutines. A Loop that owns its libuv loop does; a guest leaves signals
/// to its host, who may call this. Throws Error if the system refuses.
COLOOP_EXPORT void report_stack_overflow();

}  // namespace coloop
