// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/descriptor.hpp>
#include <coloop/result.hpp>

namespace coloop {

/// Opens anew, non-blocking and not inherited, the terminal or pipe that `native` leads to. Unlike
/// a duplicate it shares nothing with `native`, whose other users go on blocking. Fails for sockets
/// and for what belongs to another user.
Result<Descriptor> reopen(NativeDescriptor native) noexcept;

}  // namespace coloop
