#pragma once

// How many sockets a program may open.

#include <sys/resource.h>

namespace skerry::apps {

/// Raises the soft limit of open descriptors to the hard one. Systems keep the soft limit at 1,024 for programs that
/// call select(), which cannot name a higher descriptor; these programs do not call it.
///
/// Threads: before the runtime starts.
inline void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace skerry::apps
