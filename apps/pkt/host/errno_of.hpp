#pragma once

// The stack's errors as a program on Linux or FreeBSD would see them. Where the stack says less than errno does, there
// is no answer.

#include "profile.hpp"

#include <skerry/base/error.hpp>

#include <optional>

namespace skerry::pkt {

/// The errno of what ended a connection or came back for a datagram. Nothing for an error that several stand for, and
/// for what an ICMP error says on FreeBSD: the stack's numbers are Linux's.
[[nodiscard]] std::optional<int> errno_of(Error error, Flavour flavour) noexcept;

}  // namespace skerry::pkt
