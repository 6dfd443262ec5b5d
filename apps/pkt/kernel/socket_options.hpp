#pragma once

// setsockopt() and getsockopt(): the kernel takes and gives bytes, a script numbers, texts and structs.

#include "../host/outcome.hpp"

namespace skerry::pkt::kernel {

/// Unsupported for a value without bytes: none at all, TCP_INFO.
[[nodiscard]] Attempt set_option(int fd, int level, int name, const OptionValue& value);

/// The value in the form that the option has: SO_LINGER and TCP_INFO their structs, TCP_CONGESTION and its like a text,
/// any other a number; unsupported when the kernel gives something of another size.
[[nodiscard]] Attempt get_option(int fd, int level, int name);

}  // namespace skerry::pkt::kernel
