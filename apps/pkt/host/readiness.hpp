#pragma once

// What a descriptor is ready for, in the bits of epoll, which are poll's too.

#include <poll.h>
#include <sys/epoll.h>

#include <cstdint>

namespace skerry::pkt::readiness {

inline constexpr std::uint32_t in = EPOLLIN;
inline constexpr std::uint32_t in_normal = EPOLLRDNORM;
inline constexpr std::uint32_t out = EPOLLOUT;
inline constexpr std::uint32_t out_normal = EPOLLWRNORM;
inline constexpr std::uint32_t error = EPOLLERR;
inline constexpr std::uint32_t hang_up = EPOLLHUP;
inline constexpr std::uint32_t peer_ended = EPOLLRDHUP;

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP);

/// What a wake-up of the reading side is about, and of the writing side. Ends and errors wake both.
inline constexpr std::uint32_t any_in = in | in_normal | peer_ended;
inline constexpr std::uint32_t any_out = out | out_normal;

}  // namespace skerry::pkt::readiness
