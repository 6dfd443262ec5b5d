#pragma once

// The cards that Kubernetes has given to this container. A container asks for so many of a resource, for instance
// `intel.com/sriov_dpdk: 1`; which ones it got is known only inside, by a variable that the SR-IOV network device
// plugin sets: PCIDEVICE_INTEL_COM_SRIOV_DPDK=0000:3b:02.0. So a manifest cannot write --dpdk, and the backend looks
// here when there is none.
//
// Source: README of the SR-IOV network device plugin, "Pod device information".

#include <skerry/base/result.hpp>
#include <skerry/dpdk/options.hpp>

#include <string>
#include <vector>

namespace skerry::dpdk {

struct GrantedDevices {
    std::vector<std::string> addresses;  ///< full, in the order of the variables' names, then as the variable has them
    std::string variables;  ///< where they come from: "PCIDEVICE_A, PCIDEVICE_B"

    /// As --dpdk would name them: "pci=0000:3b:02.0;pci=0000:3b:02.1".
    [[nodiscard]] std::string text() const;
};

/// Reads the variables PCIDEVICE_<RESOURCE>. Those that end in _INFO tell about the same devices in JSON and are left
/// out, and so are empty ones: the plugin of a resource that this container does not ask for sets none.
///
/// Shape:  `environment` is a list of NAME=VALUE that a null pointer ends, such as `environ`.
/// Errors: one line for a value that is no list of PCI addresses, or names one twice.
[[nodiscard]] Result<GrantedDevices, OptionsError> granted_devices(const char* const* environment);

}  // namespace skerry::dpdk
