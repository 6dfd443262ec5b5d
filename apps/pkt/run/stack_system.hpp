#pragma once

// Our stack, on virtual time.

#include "system.hpp"

namespace skerry::pkt {

/// Errors: a reason: addresses of both families.
[[nodiscard]] Result<std::unique_ptr<System>, Unsupported> make_stack_system(const SystemConfig& config);

}  // namespace skerry::pkt
