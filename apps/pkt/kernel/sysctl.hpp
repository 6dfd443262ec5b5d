#pragma once

// Settings of the kernel, in a namespace's own view of them.

#include "../host/outcome.hpp"

#include <optional>
#include <string_view>

namespace skerry::pkt::kernel {

/// As sysctl(8) does, by /proc/sys, in the thread's namespace.
///
/// Errors: a reason, and nothing is changed: no such setting, one that belongs to the whole machine, one of FreeBSD, a
///         value that is not taken.
[[nodiscard]] std::optional<Unsupported> write_sysctl(std::string_view name, std::string_view value);

}  // namespace skerry::pkt::kernel
