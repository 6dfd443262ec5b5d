#pragma once

// What a user wrote of several ports: in each option a part for each, with plus signs between them.

#include "../config.hpp"

#include "../../backend/backend.hpp"
#include "../../base/result.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::stack {

/// The parts of a text between plus signs; one, when it has none.
[[nodiscard]] std::vector<std::string_view> parts_of_ports(std::string_view text);

/// The options of each port. What says nothing at all says it of all of them; the VLAN is one for all.
///
/// Errors: one line that names the option with too few parts, or too many.
[[nodiscard]] Result<std::vector<backend::Options>, backend::SetupError> options_of_ports(
    const backend::Options& options, std::size_t ports);

/// Why these ports cannot be one host's: two have one address.
[[nodiscard]] std::optional<backend::SetupError> trouble_of_ports(std::span<const StackConfig> ports);

}  // namespace skerry::stack
