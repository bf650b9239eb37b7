// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <coloop/export.hpp>

namespace coloop {

/// A moment of the loop's clock at which something is to happen; the base of sleeps and timeouts.
/// All deadlines of a loop share one libuv timer.
class COLOOP_EXPORT Deadline {
public:
    Deadline() = default;
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    [[nodiscard]] bool is_set() const noexcept { return index_ != unset; }

protected:
    ~Deadline() = default;

    /// Called once on the loop's stack when the deadline has passed; it is no longer set then.
    virtual void expire() noexcept = 0;

private:
    friend class DeadlineQueue;

    static constexpr std::size_t unset = static_cast<std::size_t>(-1);

    std::size_t index_ = unset;
};

}  // namespace coloop
