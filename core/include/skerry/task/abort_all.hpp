#pragma once

#include "join_handle.hpp"

#include <utility>
#include <vector>

namespace skerry {

/// Handles whose tasks must not outlive it: dropping it aborts them all. The tasks may be on any core; their
/// ends are not waited for.
template <class T>
struct AbortAll {
    std::vector<JoinHandle<T>> handles;

    AbortAll() = default;
    AbortAll(AbortAll&&) noexcept = default;
    AbortAll& operator=(AbortAll&&) = delete;
    ~AbortAll() {
        for (const JoinHandle<T>& handle : handles) handle.abort();
    }
};

}  // namespace skerry
