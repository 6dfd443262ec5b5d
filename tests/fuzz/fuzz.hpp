#pragma once

// What the fuzz targets share. libFuzzer hands each input in a heap block of exactly its size, so AddressSanitizer sees
// a read past the end; what a parser says of an input is checked here, beyond not crashing.

#include <skerry/stack/drop.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace skerry::fuzz {

/// Ends the run as a finding, with the promise that was broken.
inline void require(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", promise);
    std::abort();
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span{data, size});
}

}  // namespace skerry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
