#pragma once

// What the system has for packet memory, and what a device is bound to: read from /sys, so that a refusal can name the
// next step before EAL is asked.

#include <cstdint>
#include <filesystem>
#include <string>

namespace skerry::dpdk {

/// Free huge pages of all sizes, in MiB.
///
/// Shape: `sysroot` is "/", or a folder with a recorded sys/ tree.
[[nodiscard]] std::uint64_t free_hugepages_mib(const std::filesystem::path& sysroot = "/");

/// Whether this process may ask at which memory node its memory is. EAL asks for each huge page and gives up when it
/// gets no answer; the usual filters of containers refuse the call without CAP_SYS_NICE.
[[nodiscard]] bool may_ask_for_memory_node() noexcept;

/// Why the PCI device with this address cannot be opened, with the next step; empty when nothing speaks against it.
/// Looks whether it exists, which driver has it, and whether this process may use it.
[[nodiscard]] std::string pci_objection(const std::string& address, const std::filesystem::path& sysroot = "/");

}  // namespace skerry::dpdk
