#pragma once

// Whether an atomic step may be an ordinary one because nobody else is there: of a current_thread runtime that has made
// no blocking call, most often.

#if !defined(SKERRY_KNOWS_ONLY_THREAD)  // 0 by the CMake option of that name
#if __has_include(<sys/single_threaded.h>) && !defined(SKERRY_MODEL)
#define SKERRY_KNOWS_ONLY_THREAD 1
#else
#define SKERRY_KNOWS_ONLY_THREAD 0
#endif
#endif
#if SKERRY_KNOWS_ONLY_THREAD
#include <sys/single_threaded.h>
#endif

namespace skerry {

/// True: this is the process's only thread, and stays it until it makes another, which sees all that was written
/// before. False says nothing: another C library than glibc does not tell. What was made by clone() itself, or by the
/// library of another dlmopen() namespace, is no thread to it; nor is a signal's handler one. A program that has such
/// threads, and lets them touch what is shared, builds with -DSKERRY_KNOWS_ONLY_THREAD=OFF.
///
/// Cost: one load.
[[nodiscard]] inline bool is_only_thread() noexcept {
#if SKERRY_KNOWS_ONLY_THREAD
    return __libc_single_threaded != 0;
#else
    return false;
#endif
}

}  // namespace skerry
