#pragma once

// The atomics that the model checker can take over. Code whose interleavings are explored under
// tests/model (the task header, inbox, doorbell, spin lock and what is built on them) names
// skerry::atomic, which is std::atomic in every other build. There is no atomic_thread_fence anywhere:
// ThreadSanitizer does not understand fences, so where a fence would stand the operation itself is seq_cst.

#if defined(SKERRY_MODEL)
#include "model_atomic.hpp"
#else
#include <atomic>

namespace skerry {

template <class T>
using atomic = std::atomic<T>;

}  // namespace skerry
#endif
