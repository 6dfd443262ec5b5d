#include "support/catch.hpp"

#include "granted_devices.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

Result<dpdk::GrantedDevices, dpdk::OptionsError> granted_by(std::vector<const char*> environment) {
    environment.push_back(nullptr);
    return dpdk::granted_devices(environment.data());
}

std::string refusal_of(const char* variable) {
    const auto granted = granted_by({variable});
    return granted ? "accepted" : granted.error().message;
}

TEST_CASE("the variable of a device plugin names the devices", "[dpdk][granted_devices]") {
    const auto granted =
        granted_by({"HOME=/", "PCIDEVICE_INTEL_COM_SRIOV_DPDK=0000:3b:02.0,0000:3B:02.1", "TERM=dumb"});
    REQUIRE(granted);
    CHECK(granted->addresses == std::vector<std::string>{"0000:3b:02.0", "0000:3b:02.1"});
    CHECK(granted->variables == "PCIDEVICE_INTEL_COM_SRIOV_DPDK");
    CHECK(granted->text() == "pci=0000:3b:02.0;pci=0000:3b:02.1");
}

TEST_CASE("what a device plugin grants is a text of --dpdk", "[dpdk][granted_devices]") {
    const auto granted = granted_by({"PCIDEVICE_A=0000:3b:02.0"});
    REQUIRE(granted);
    const auto options = dpdk::parse_options(granted->text());
    REQUIRE(options);
    CHECK(options->devices.at(0).is_pci);
    CHECK(options->devices.at(0).devargs() == "0000:3b:02.0");
}

TEST_CASE("the devices of several resources come in the order of the variables' names", "[dpdk][granted_devices]") {
    const auto granted = granted_by({"PCIDEVICE_B=0000:04:00.0", "PCIDEVICE_A=0000:05:00.0"});
    REQUIRE(granted);
    CHECK(granted->text() == "pci=0000:05:00.0;pci=0000:04:00.0");
    CHECK(granted->variables == "PCIDEVICE_A, PCIDEVICE_B");
}

TEST_CASE("without a device plugin nothing is granted", "[dpdk][granted_devices]") {
    for (const char* variable : {"PATH=/bin", "PCIDEVICE_EMPTY=", "PCIDEVICE_WITHOUT_EQUALS", "MY_PCIDEVICE_A=x"}) {
        const auto granted = granted_by({variable});
        REQUIRE(granted);
        CHECK(granted->addresses.empty());
        CHECK(granted->text().empty());
    }
    CHECK(dpdk::granted_devices(nullptr).value().addresses.empty());
}

TEST_CASE("what a device plugin tells in JSON is left out", "[dpdk][granted_devices]") {
    const auto granted = granted_by({R"(PCIDEVICE_A_INFO={"0000:3b:02.0":{"generic":{"deviceID":"0000:3b:02.0"}}})",
                                     "PCIDEVICE_A=0000:3b:02.0", "PCIDEVICE_B_INFO=0000:3b:02.1"});
    REQUIRE(granted);
    // A resource whose own name ends so is one all the same.
    CHECK(granted->text() == "pci=0000:3b:02.0;pci=0000:3b:02.1");
}

TEST_CASE("a value that is no list of PCI addresses is quoted, with what is expected", "[dpdk][granted_devices]") {
    CHECK(refusal_of("PCIDEVICE_A=eth0") ==
          "dpdk: PCIDEVICE_A=eth0: 'eth0' is no PCI address; a device plugin writes for instance "
          "0000:3b:02.0,0000:3b:02.1; name the device with --dpdk=pci=ADDRESS");
    for (const std::string_view value : {"0000:3b:02.0,", ",0000:3b:02.0", "0000:3b:02.8", "0000:3b:02.0 0000:3b:02.1",
                                         "0000:3b:02.0;0000:3b:02.1", "mlx5_core.sf.4", "0000:3g:00.0"})
        CHECK_THAT(refusal_of(("PCIDEVICE_A=" + std::string(value)).c_str()),
                   Catch::Contains("PCIDEVICE_A=" + std::string(value)) && Catch::Contains("is no PCI address"));
    CHECK_THAT(refusal_of("PCIDEVICE_A=0000:3b:02.0,0000:3B:02.0"), Catch::Contains("0000:3b:02.0 is given twice"));
}

TEST_CASE("a long value is cut where it is quoted", "[dpdk][granted_devices][limit]") {
    const std::string value = "PCIDEVICE_A=x," + std::string(10'000, 'y');
    CHECK(refusal_of(value.c_str()).size() < 400);
}

}  // namespace
}  // namespace skerry
