#pragma once

// copy_bidirectional: what a proxy does.

#include "copy.hpp"

#include "../base/result.hpp"
#include "../task/cancel.hpp"
#include "../task/join.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <utility>

namespace skerry::io {

/// How much went which way.
struct CopiedBothWays {
    std::uint64_t first_to_second = 0;
    std::uint64_t second_to_first = 0;
};

namespace detail {

// The outcome of one way; nothing of it counts when the other one has failed.
template <class From, class To>
Task<Result<std::uint64_t>> copy_one_way(From& from, To& to, CancellationToken& failed) {
    auto moved = co_await failed.run_until_cancelled(copy(from, to));
    if (!moved) co_return Errc::cancelled;
    if (*moved) {
        // What the peer says of our end it says to the other way too.
        (void)to.shutdown();
    } else {
        failed.cancel();
    }
    co_return std::move(*moved);
}

}  // namespace detail

/// Moves everything from each of two streams to the other until both are at their ends. When one is, the writing side
/// of the other is shut down, and what still comes from there goes on. Both stay open, to be dropped by the caller.
///
/// Shape:  `First` and `Second` have read_buf, write_buf and shutdown as TcpStream has.
/// Errors: that of the way that failed; the other way is given up then.
/// Cancel: partial: an unknown part was moved.
template <class First, class Second>
[[nodiscard]] Task<Result<CopiedBothWays>> copy_bidirectional(First& first, Second& second) {
    CancellationToken failed;
    auto ways = co_await join(detail::copy_one_way(first, second, failed), detail::copy_one_way(second, first, failed));
    auto& [there, back] = ways;
    if (there && back) co_return CopiedBothWays{*there, *back};
    const bool there_failed = !there && there.error() != Errc::cancelled;
    co_return there_failed ? there.error() : back.error();
}

}  // namespace skerry::io
