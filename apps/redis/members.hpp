// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

namespace redis {

/// HDEL, SREM and ZREM: takes what the arguments name out of what the key stands for.
template <typename T>
void erase_members(Call& call) {
    T* value = call.keys.edit<T>(call[1]);
    std::int64_t erased = 0;
    for (std::size_t i = 2; value != nullptr && i < call.size(); ++i) {
        erased += value->erase(call[i]) ? 1 : 0;
    }
    if (erased > 0) {
        call.keys.changed(call[1]);
    }
    call.reply.integer(erased);
}

}  // namespace redis
