#pragma once

#include "join_error.hpp"

#include "../base/error.hpp"

namespace skerry {

/// Why a task gave no value, as an error value, for whoever has nothing but a Result to tell it by: no_memory for a
/// task that threw std::bad_alloc, cancelled for every other.
[[nodiscard]] Error error_of(const JoinError& why) noexcept;

}  // namespace skerry
