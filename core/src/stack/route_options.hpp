#pragma once

// --route=NET/LEN:ROUTER, several with commas. The router is behind the first colon after the slash, because an IPv6
// network has colons of its own and a prefix length has none.

#include <skerry/backend/backend.hpp>
#include <skerry/base/result.hpp>
#include <skerry/stack/config.hpp>

namespace skerry::stack {

/// Puts the routes of `options` into `config`, which has its addresses already.
[[nodiscard]] Result<void, backend::SetupError> apply_routes(const backend::Options& options, StackConfig& config);

}  // namespace skerry::stack
