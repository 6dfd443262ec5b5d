#include "host.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>
#include <system_error>

namespace skerry::dpdk {

namespace fs = std::filesystem;

namespace {

// "hugepages-2048kB": 2048.
std::uint64_t page_kib(std::string_view folder) {
    constexpr std::string_view front = "hugepages-";
    std::uint64_t kib = 0;
    if (!folder.starts_with(front)) return 0;
    const char* const first = folder.data() + front.size();
    std::from_chars(first, folder.data() + folder.size(), kib);
    return kib;
}

// The last part of what a link in /sys points at; empty when there is none.
std::string link_name(const fs::path& link) {
    std::error_code error;
    const fs::path target = fs::read_symlink(link, error);
    return error ? std::string() : target.filename().string();
}

// Drivers that leave a device to the process. The bifurcated ones, as Mellanox's, share it with the kernel.
bool is_for_user_space(std::string_view driver) {
    constexpr std::array<std::string_view, 5> drivers{"vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core",
                                                      "mlx5_core"};
    return std::find(drivers.begin(), drivers.end(), driver) != drivers.end();
}

}  // namespace

std::uint64_t free_hugepages_mib(const fs::path& sysroot) {
    std::uint64_t kib = 0;
    std::error_code error;
    for (const auto& folder : fs::directory_iterator(sysroot / "sys/kernel/mm/hugepages", error)) {
        std::ifstream file(folder.path() / "free_hugepages");
        std::uint64_t pages = 0;
        if (file >> pages) kib += pages * page_kib(folder.path().filename().string());
    }
    return kib / 1'024;
}

bool may_ask_for_memory_node() noexcept {
    int policy = 0;
    return ::syscall(SYS_get_mempolicy, &policy, nullptr, 0UL, nullptr, 0UL) == 0 || errno != EPERM;
}

std::string pci_objection(const std::string& address, const fs::path& sysroot) {
    const fs::path device = sysroot / "sys/bus/pci/devices" / address;
    std::error_code error;
    if (!fs::exists(device, error)) return "no PCI device has this address; lspci -D lists them";
    const std::string driver = link_name(device / "driver");
    const std::string bind = "scripts/nic.sh bind " + address;
    if (driver.empty()) return "bound to no driver; run " + bind;
    if (!is_for_user_space(driver)) return "bound to the kernel's driver " + driver + "; run " + bind;
    if (driver != "vfio-pci") return {};
    const fs::path group = sysroot / "dev/vfio" / link_name(device / "iommu_group");
    if (!fs::exists(group, error))
        return group.string() + " is not there; give the container this device beside /dev/vfio/vfio";
    if (::access(group.c_str(), R_OK | W_OK) != 0)
        return "no rights for " + group.string() + "; run chown $USER " + group.string() + " as root";
    return {};
}

}  // namespace skerry::dpdk
