// SPDX-License-Identifier: MIT
//
// All of coloop's C++ API, for programs.
#pragma once

#include <array>
#include <span>

#include <coloop/address.hpp>          // IWYU pragma: export
#include <coloop/after.hpp>            // IWYU pragma: export
#include <coloop/barrier.hpp>          // IWYU pragma: export
#include <coloop/blocking.hpp>         // IWYU pragma: export
#include <coloop/broadcast.hpp>        // IWYU pragma: export
#include <coloop/buf_reader.hpp>       // IWYU pragma: export
#include <coloop/buf_writer.hpp>       // IWYU pragma: export
#include <coloop/byte_order.hpp>       // IWYU pragma: export
#include <coloop/call_on.hpp>          // IWYU pragma: export
#include <coloop/call_with_stack.hpp>  // IWYU pragma: export
#include <coloop/cancel_scope.hpp>     // IWYU pragma: export
#include <coloop/channel.hpp>          // IWYU pragma: export
#include <coloop/clock.hpp>            // IWYU pragma: export
#include <coloop/co_mutex.hpp>         // IWYU pragma: export
#include <coloop/co_queue.hpp>         // IWYU pragma: export
#include <coloop/co_rwlock.hpp>        // IWYU pragma: export
#include <coloop/co_semaphore.hpp>     // IWYU pragma: export
#include <coloop/completion.hpp>       // IWYU pragma: export
#include <coloop/copy.hpp>             // IWYU pragma: export
#include <coloop/coroutine.hpp>        // IWYU pragma: export
#include <coloop/coroutine_local.hpp>  // IWYU pragma: export
#include <coloop/descriptor.hpp>       // IWYU pragma: export
#include <coloop/directory.hpp>        // IWYU pragma: export
#include <coloop/dns.hpp>              // IWYU pragma: export
#include <coloop/environment.hpp>      // IWYU pragma: export
#include <coloop/error.hpp>            // IWYU pragma: export
#include <coloop/event.hpp>            // IWYU pragma: export
#include <coloop/file.hpp>             // IWYU pragma: export
#include <coloop/file_info.hpp>        // IWYU pragma: export
#include <coloop/frame.hpp>            // IWYU pragma: export
#include <coloop/fs.hpp>               // IWYU pragma: export
#include <coloop/interop.hpp>          // IWYU pragma: export
#include <coloop/join_all.hpp>         // IWYU pragma: export
#include <coloop/latch.hpp>            // IWYU pragma: export
#include <coloop/loop.hpp>             // IWYU pragma: export
#include <coloop/loop_channel.hpp>     // IWYU pragma: export
#include <coloop/loop_metrics.hpp>     // IWYU pragma: export
#include <coloop/memory.hpp>           // IWYU pragma: export
#include <coloop/os.hpp>               // IWYU pragma: export
#include <coloop/overflow.hpp>         // IWYU pragma: export
#include <coloop/path.hpp>             // IWYU pragma: export
#include <coloop/pipe.hpp>             // IWYU pragma: export
#include <coloop/process.hpp>          // IWYU pragma: export
#include <coloop/pseudo_terminal.hpp>  // IWYU pragma: export
#include <coloop/race.hpp>             // IWYU pragma: export
#include <coloop/random.hpp>           // IWYU pragma: export
#include <coloop/readiness.hpp>        // IWYU pragma: export
#include <coloop/result.hpp>           // IWYU pragma: export
#include <coloop/run.hpp>              // IWYU pragma: export
#include <coloop/select.hpp>           // IWYU pragma: export
#include <coloop/serve.hpp>            // IWYU pragma: export
#include <coloop/shutdown.hpp>         // IWYU pragma: export
#include <coloop/signal.hpp>           // IWYU pragma: export
#include <coloop/sleep.hpp>            // IWYU pragma: export
#include <coloop/standard_stream.hpp>  // IWYU pragma: export
#include <coloop/stream.hpp>           // IWYU pragma: export
#include <coloop/task.hpp>             // IWYU pragma: export
#include <coloop/task_group.hpp>       // IWYU pragma: export
#include <coloop/tcp.hpp>              // IWYU pragma: export
#include <coloop/temporary.hpp>        // IWYU pragma: export
#include <coloop/text.hpp>             // IWYU pragma: export
#include <coloop/timeout.hpp>          // IWYU pragma: export
#include <coloop/tty.hpp>              // IWYU pragma: export
#include <coloop/udp.hpp>              // IWYU pragma: export
#include <coloop/uv_error.hpp>         // IWYU pragma: export
#include <coloop/wait.hpp>             // IWYU pragma: export
#include <coloop/watch.hpp>            // IWYU pragma: export
