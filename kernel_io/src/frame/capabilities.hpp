#pragma once

// What this process may do, for a line that says what it may not.

#include <initializer_list>
#include <string>

namespace skerry::kernel_io::frame {

/// Capabilities that AF_XDP asks for, by their numbers in linux/capability.h.
enum class Capability : unsigned { net_admin = 12, net_raw = 13, ipc_lock = 14, sys_admin = 21, bpf = 39 };

/// Whether this thread has it in effect.
[[nodiscard]] bool has_capability(Capability capability) noexcept;

/// The names of those of `wanted` that are missing: "CAP_NET_RAW, CAP_BPF". Empty when none is.
[[nodiscard]] std::string missing_capabilities(std::initializer_list<Capability> wanted);

}  // namespace skerry::kernel_io::frame
