#pragma once

// The numbers behind the names of C that scripts use, as the headers of this machine have them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::pkt {

/// `SOCK_STREAM`, `POLLIN`, `ECONNRESET`; nothing for a name that is not known.
[[nodiscard]] std::optional<std::int64_t> constant(std::string_view name);

/// The number of `EINPROGRESS`.
[[nodiscard]] std::optional<int> errno_number(std::string_view name);
/// `EINPROGRESS`, or the number in digits.
[[nodiscard]] std::string errno_name(int number);

}  // namespace skerry::pkt
