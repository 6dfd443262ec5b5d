#pragma once

// The sysctls that scripts set, by their names on Linux and FreeBSD, as settings of the stack. A name that the stack
// has no setting for is accepted with the one value that says what the stack does anyway; every other value, and every
// unknown name, is not supported.

#include "outcome.hpp"
#include "profile.hpp"
#include "socket_defaults.hpp"

#include <skerry/stack/config.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::pkt {

/// What a machine is set to.
struct MachineSettings {
    Profile profile = Profile::linux_like;
    stack::StackConfig stack;
    SocketDefaults sockets;
    std::uint32_t receive_buffer_most = stack::TcpLimits().receive_buffer_max;  ///< where it grows
};

/// Sets `name` to `value`, as sysctl writes them: numbers are decimal, several are parted by blanks.
///
/// Errors: a reason, and nothing is changed.
[[nodiscard]] std::optional<Unsupported> set_sysctl(MachineSettings& settings, std::string_view name,
                                                    std::string_view value);

/// Whether the stacks of both are set to the same, in all that a sysctl can set.
[[nodiscard]] bool have_same_stack(const MachineSettings& a, const MachineSettings& b);

}  // namespace skerry::pkt
