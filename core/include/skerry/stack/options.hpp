#pragma once

// What a user wrote about addresses, as the stack wants it.

#include "config.hpp"

#include "../backend/backend.hpp"
#include "../base/result.hpp"

#include <cstdint>
#include <string_view>

namespace skerry::stack {

/// What stands in the place of an IPv4 address that a server gives.
inline constexpr std::string_view ip_by_dhcp = "dhcp";

/// A seed that nobody foretells, for StackConfig::seed: what is derived from it must not be.
[[nodiscard]] std::uint64_t fresh_seed();

/// Puts the address, prefix and gateway of `options` into `config`.
///
/// Errors: one line that says what is missing or wrong, and what to write.
[[nodiscard]] Result<void, backend::SetupError> apply(const backend::Options& options, StackConfig& config);

}  // namespace skerry::stack
