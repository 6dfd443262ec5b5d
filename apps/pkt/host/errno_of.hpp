#pragma once

// The stack's errors as a program on Linux or FreeBSD would see them. Where the stack says less than errno does, there
// is no answer.

#include "profile.hpp"

#include <skerry/base/error.hpp>

#include <optional>

namespace skerry::pkt {

/// The errno of what ended a connection or came back for a datagram. Nothing for an error that several stand for:
/// `unreachable` may be ENETUNREACH or EHOSTUNREACH.
[[nodiscard]] std::optional<int> errno_of(Errc code, Flavour flavour) noexcept;

}  // namespace skerry::pkt
