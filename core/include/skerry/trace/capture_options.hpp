#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace skerry::trace {

/// What is to be recorded of the frames that pass our ports, and where.
struct CaptureOptions {
    std::string file = {};  ///< empty: nothing
    std::uint32_t snap_bytes = 0;  ///< of each frame; 0: all of it
    std::uint64_t bytes_max = 0;  ///< of the file, less its statistics: then it is full; 0: no limit
    std::size_t ring_bytes = std::size_t{4} << 20U;  ///< of each core, what is not written yet; a power of two
};

}  // namespace skerry::trace
