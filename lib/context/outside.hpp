// SPDX-License-Identifier: MIT
#pragma once

#include <coloop/detail/switch.hpp>

namespace coloop::detail {

/// Like make_context(), for a call on the stack of the side stored in `left`, below all that it
/// uses. That side must not go on before the call has ended.
void make_context_outside(Context& context, const Context& left, ContextEntry entry,
                          void* argument) noexcept;

}  // namespace coloop::detail
