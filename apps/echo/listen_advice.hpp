#pragma once

// What to write for --listen where our own stack has not the address that was asked for. The kernel's addresses, which
// `ip address` lists, are no help there: a stack has its own and no loopback.

#include "common/values.hpp"

#include <skerry/net/stack_network.hpp>

#include <string>
#include <string_view>

namespace skerry::echo {

/// Which addresses the stack has, and what to write.
///
/// Shape: `own` is what the stack says of its IPv4; `ip6` is --ip6 as it was given: empty, auto, or an address with its
///        prefix length.
[[nodiscard]] std::string listen_advice(const net::StackNetwork& own, std::string_view ip6,
                                        const apps::ListenAddress& wanted);

}  // namespace skerry::echo
