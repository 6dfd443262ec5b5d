#pragma once

// SKERRY_ASSERT stays in release builds: it guards what only a bug can do, where the check is cheap.
// SKERRY_DEBUG_ASSERT is for checks on hot paths and goes away under NDEBUG.

#include "compiler.hpp"

#include <source_location>

namespace skerry {

/// Writes one line with the condition and its place to standard error and aborts.
[[noreturn]] SKERRY_COLD void assertion_failed(const char* condition, const char* reason,
                                               std::source_location where = std::source_location::current()) noexcept;

}  // namespace skerry

#define SKERRY_ASSERT(condition, reason)                    \
    do {                                                    \
        if (!(condition)) [[unlikely]]                      \
            ::skerry::assertion_failed(#condition, reason); \
    } while (false)

#if defined(NDEBUG)
#define SKERRY_DEBUG_ASSERT(condition, reason) static_cast<void>(0)
#else
#define SKERRY_DEBUG_ASSERT(condition, reason) SKERRY_ASSERT(condition, reason)
#endif
