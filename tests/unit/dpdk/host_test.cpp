#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include "host.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace skerry {
namespace {

namespace fs = std::filesystem;

constexpr const char* address = "0000:03:00.0";

/// A device in a recorded /sys, with a driver unless that is empty.
void add_device(tests::TempTree& tree, const std::string& driver) {
    const std::string folder = "sys/bus/pci/devices/" + std::string(address);
    tree.write(folder + "/vendor", "0x8086\n");
    fs::create_directory_symlink("../../../../kernel/iommu_groups/7", tree.root() / folder / "iommu_group");
    if (!driver.empty())
        fs::create_directory_symlink("../../../../bus/pci/drivers/" + driver, tree.root() / folder / "driver");
}

/// access() goes by the real user, whom root may change for this thread alone; other users have no right here anyway.
struct AsNobody {
    AsNobody() { change_to(65'534); }
    ~AsNobody() { change_to(before_); }

private:
    static void change_to(uid_t user) {
        (void)::syscall(SYS_setresuid, user, static_cast<uid_t>(-1), static_cast<uid_t>(-1));
    }
    uid_t before_ = ::getuid();
};

std::string objection_to(const std::string& driver) {
    tests::TempTree tree;
    add_device(tree, driver);
    return dpdk::pci_objection(address, tree.root());
}

TEST_CASE("free huge pages of all sizes are added up", "[dpdk][host]") {
    tests::TempTree tree;
    tree.write("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "12\n");
    tree.write("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "2\n");
    CHECK(dpdk::free_hugepages_mib(tree.root()) == 2 * 12 + 2 * 1024);
}

TEST_CASE("a system that hides its huge pages has none", "[dpdk][host]") {
    const tests::TempTree tree;
    CHECK(dpdk::free_hugepages_mib(tree.root()) == 0);
}

TEST_CASE("a device that does not exist is told before EAL is asked", "[dpdk][host]") {
    const tests::TempTree tree;
    CHECK(dpdk::pci_objection(address, tree.root()) == "no PCI device has this address; lspci -D lists them");
}

TEST_CASE("a device of the kernel's is told with the command that takes it off", "[dpdk][host]") {
    CHECK(objection_to("e1000e") == "bound to the kernel's driver e1000e; run scripts/nic.sh bind 0000:03:00.0");
    CHECK(objection_to("") == "bound to no driver; run scripts/nic.sh bind 0000:03:00.0");
}

TEST_CASE("nothing is said against a device that is there for user space", "[dpdk][host]") {
    CHECK(objection_to("uio_pci_generic").empty());
    CHECK(objection_to("mlx5_core").empty());
}

TEST_CASE("a VFIO group that is not there is told, as in a container without it", "[dpdk][host]") {
    tests::TempTree tree;
    add_device(tree, "vfio-pci");
    const std::string group = (tree.root() / "dev/vfio/7").string();
    CHECK(dpdk::pci_objection(address, tree.root()) ==
          group + " is not there; give the container this device beside /dev/vfio/vfio");
    tree.write("dev/vfio/7", "");
    CHECK(dpdk::pci_objection(address, tree.root()).empty());
}

TEST_CASE("a VFIO group that this process may not open is told", "[dpdk][host]") {
    tests::TempTree tree;
    add_device(tree, "vfio-pci");
    const std::string group = (tree.root() / "dev/vfio/7").string();
    tree.write("dev/vfio/7", "");
    fs::permissions(group, fs::perms::none);
    const AsNobody nobody;
    CHECK(dpdk::pci_objection(address, tree.root()) ==
          "no rights for " + group + "; run chown $USER " + group + " as root");
}

}  // namespace
}  // namespace skerry
