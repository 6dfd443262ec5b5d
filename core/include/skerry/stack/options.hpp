#pragma once

// What a user wrote about addresses and TCP, as the stack wants it.

#include "config.hpp"
#include "ipv6_facts.hpp"

#include "../backend/backend.hpp"
#include "../base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::stack {

/// What stands in the place of an IPv4 address that a server gives.
inline constexpr std::string_view ip_by_dhcp = "dhcp";

/// A seed that nobody foretells, for StackConfig::seed: what is derived from it must not be.
[[nodiscard]] std::uint64_t fresh_seed();

/// What stands for an address where routers give it.
inline constexpr std::string_view ip6_auto = "auto";

/// Whether an address of either family is named.
[[nodiscard]] bool has_address(const backend::Options& options) noexcept;

/// What a stack has found out that its options do not say: the addresses, and the router, of each family; and its IPv4
/// addresses, when it has several. Else empty.
[[nodiscard]] std::string text_of(const StackConfig& config, const Ipv6Facts& facts);

/// Why a stack whose addresses are looked for cannot be used: one of them is another station's.
[[nodiscard]] std::optional<backend::SetupError> trouble_of(const StackConfig& config, const Ipv6Facts& facts);

/// Puts the addresses, prefixes, gateways, routes and settings of TCP that `options` has into `config`. Without an
/// address of one family there is none of that family.
///
/// Errors: one line that says what is missing or wrong, and what to write.
[[nodiscard]] Result<void, backend::SetupError> apply(const backend::Options& options, StackConfig& config);

}  // namespace skerry::stack
