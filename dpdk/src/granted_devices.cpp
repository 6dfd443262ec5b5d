#include "granted_devices.hpp"

#include "pci_address.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace skerry::dpdk {

namespace {

// By name, because the order of an environment means nothing.
std::map<std::string_view, std::string_view> variables_of_plugins(const char* const* environment) {
    std::map<std::string_view, std::string_view> found;
    for (; environment != nullptr && *environment != nullptr; ++environment) {
        const std::string_view entry = *environment;
        const std::size_t equals = entry.find('=');
        if (!entry.starts_with("PCIDEVICE_") || equals == std::string_view::npos) continue;
        const std::string_view name = entry.substr(0, equals);
        const std::string_view value = entry.substr(equals + 1);
        const bool is_description = name.ends_with("_INFO") && value.starts_with('{');
        if (!value.empty() && !is_description) found.emplace(name, value);
    }
    return found;
}

OptionsError refuse(std::string_view name, std::string_view value, const std::string& why) {
    return {"dpdk: " + std::string(name) + "=" + std::string(value.substr(0, 100)) + ": " + why +
            "; a device plugin writes for instance 0000:3b:02.0,0000:3b:02.1; name the device with --dpdk=pci=ADDRESS"};
}

}  // namespace

std::string GrantedDevices::text() const {
    std::string out;
    for (const std::string& address : addresses) out += (out.empty() ? "pci=" : ";pci=") + address;
    return out;
}

Result<GrantedDevices, OptionsError> granted_devices(const char* const* environment) {
    GrantedDevices granted;
    for (const auto& [name, value] : variables_of_plugins(environment)) {
        for (std::size_t begin = 0; begin <= value.size();) {
            const std::size_t end = std::min(value.find(',', begin), value.size());
            const std::string_view item = value.substr(begin, end - begin);
            begin = end + 1;
            std::string address = pci_address(item);
            if (address.empty())
                return Unexpected(refuse(name, value, "'" + std::string(item) + "' is no PCI address"));
            if (std::find(granted.addresses.begin(), granted.addresses.end(), address) != granted.addresses.end())
                return Unexpected(refuse(name, value, address + " is given twice"));
            granted.addresses.push_back(std::move(address));
        }
        granted.variables += (granted.variables.empty() ? "" : ", ") + std::string(name);
    }
    return granted;
}

}  // namespace skerry::dpdk
