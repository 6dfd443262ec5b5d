#pragma once

#include <string>
#include <string_view>

namespace skerry::dpdk {

/// Reads `[DDDD:]BB:DD.F`, as lspci prints it, and returns the full form in lower case, as the kernel names the device:
/// `3B:00.1` is `0000:3b:00.1`. Empty for any other text.
[[nodiscard]] std::string pci_address(std::string_view text);

}  // namespace skerry::dpdk
