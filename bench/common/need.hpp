#pragma once

// What a benchmark cannot go on without.

#include <skerry/base/result.hpp>

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace skerry::bench {

/// The value; an error ends the program with one line.
template <class T>
T need(Result<T> result) {
    if (result) {
        if constexpr (std::is_void_v<T>)
            return;
        else
            return std::move(*result);
    }
    std::fprintf(stderr, "bench: %s\n", result.error().message().c_str());
    std::exit(1);
}

}  // namespace skerry::bench
