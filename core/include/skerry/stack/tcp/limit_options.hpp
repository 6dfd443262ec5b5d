#pragma once

// What a user wrote about TCP: a profile, and what shall be otherwise. `lowlat,rto_min=2ms,ecn=asks`.

#include "limits.hpp"

#include "../../base/result.hpp"

#include <string>
#include <string_view>

namespace skerry::stack {

/// Puts what `text` says into `limits`, which are as they were made: parts with commas between them, of which the first
/// may be a profile's name and each other one NAME=VALUE, with the name of a member of TcpLimits.
/// src/stack/tcp/README.md has the names with their values. Nothing is changed by an empty text.
///
/// Errors: a line that says which part is wrong, and what is accepted.
[[nodiscard]] Result<void, std::string> apply_tcp_options(std::string_view text, TcpLimits& limits);

}  // namespace skerry::stack
