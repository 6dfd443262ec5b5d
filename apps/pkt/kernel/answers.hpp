#pragma once

// What comes back from a system call, as the script sees it.

#include "../host/outcome.hpp"

#include <cerrno>
#include <cstdint>

namespace skerry::pkt::kernel {

/// `value` as the call gave it; errno has not been touched since.
[[nodiscard]] inline Returned answer(std::int64_t value) { return value == -1 ? failure(errno) : success(value); }

}  // namespace skerry::pkt::kernel
