#include "backend.hpp"

#include "tap_port.hpp"
#include "xdp_port.hpp"

#include <skerry/runtime/core_loop.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/stack/options.hpp>
#include <skerry/stack/ports/ports_driver.hpp>
#include <skerry/stack/ports/ports_options.hpp>
#include <skerry/stack/siphash.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::kernel_io::frame {

using backend::SetupError;

namespace {

using TapDriver = stack::Driver<TapPort>;
static_assert(backend::Driver<TapDriver>);
using TapPortsDriver = stack::PortsDriver<TapPort>;
static_assert(backend::Driver<TapPortsDriver>);

using XdpDriver = stack::Driver<XdpPort>;
static_assert(backend::Driver<XdpDriver>);
using XdpPortsDriver = stack::PortsDriver<XdpPort>;
static_assert(backend::Driver<XdpPortsDriver>);

std::string refusal(const Error& error, const std::string& interface) {
    if (error == Errc::permission_denied)
        return interface + ": not permitted; make the device first, as root: ip tuntap add " + interface +
               " mode tap user $(id -un), or run with CAP_NET_ADMIN";
    if (error == Errc::address_in_use) return interface + ": another program is attached to it; choose another device";
    if (error == Errc::invalid_argument) return interface + ": there is a device of this name that is no TAP device";
    if (error == Errc::not_found)
        return interface +
               ": there is no /dev/net/tun; load the kernel's module tun, or give the container this device";
    return interface + ": " + error.message();
}

/// What stands behind `tap:` and `xdp:`: an interface, and perhaps a comma and the driver's switch.
struct Wish {
    std::string interface;
    bool is_on = true;

    [[nodiscard]] static Result<Wish, SetupError> read(const std::string& text, const std::string& driver,
                                                       const std::string& name, bool is_on) {
        const std::size_t comma = text.find(',');
        Wish wish{text.substr(0, comma), is_on};
        if (comma == std::string::npos) return wish;
        const std::string option = text.substr(comma + 1);
        wish.is_on = option == name + "=on";
        if (wish.is_on || option == name + "=off") return wish;
        return Unexpected(
            SetupError{option + ": no such option of " + driver + "; accepted: " + name + "=on, " + name + "=off"});
    }
    /// `loop=off`, for tests of the port: what is sent to the own address leaves by it.
    [[nodiscard]] static Result<Wish, SetupError> of_xdp(const std::string& text) {
        return read(text, "xdp", "loop", true);
    }
    /// `tso=on`: TapOffloads.
    [[nodiscard]] static Result<Wish, SetupError> of_tap(const std::string& text) {
        return read(text, "tap", "tso", false);
    }
};

// The one that RFC 4291 makes of the Ethernet address is the kernel's, which goes on using it. Ours is made of --ip6,
// which no other host has, so it stays the same as RFC 7217 wants; what else is in it nobody has to guess.
stack::wire::Ipv6Addr link_local_beside_kernels(const stack::wire::Ipv6Addr& address) noexcept {
    const auto key = stack::SipKey::of(address.high, 0);
    return {0xfe80'0000'0000'0000U, stack::siphash_12(key, address.low, 0)};
}

// In a VLAN nothing is left to the kernel: it looks for headers where untagged frames have them. A capture is to show
// what a wire would have carried, so what the kernel sends is cut and summed there.
TapOffloads offloads_of(const Wish& wish, const backend::CoreSetup& setup) noexcept {
    const bool is_on = wish.is_on && setup.options.vlan == 0;
    return {is_on, is_on && setup.capture == nullptr};
}

/// The stack's configuration, and what to open for it.
Result<Xdp, SetupError> open_xdp(const backend::Options& options, stack::StackConfig& config) {
    if (options.interface.empty()) return Unexpected(SetupError{"no interface was named; --backend=xdp:IF does"});
    auto wish = Wish::of_xdp(options.interface);
    if (!wish) return Unexpected(std::move(wish).error());
    if (auto applied = stack::apply(options, config); !applied) return Unexpected(std::move(applied).error());
    // Offers come by broadcast, and a packet goes one way only: to the kernel, which may ask a server too.
    if (config.uses_dhcp)
        return Unexpected(
            SetupError{wish->interface + ": --ip=dhcp: broadcasts are the kernel's here; write an address"});
    // The kernel reads what routers say, and of a group's packets only one of us two could have each.
    if (config.autoconf6)
        return Unexpected(SetupError{wish->interface + ": --ip6=auto: XDP leaves what routers say to the kernel; write "
                                                       "--ip6=ADDR/LEN"});
    // Nor would it bring what another station says of our address to the whole link.
    config.checks_address6 = false;
    if (!options.ip6.empty()) config.link_local6 = link_local_beside_kernels(config.address6);
    // It would not find a tag, which cards and veth take off and keep beside the frame.
    if (options.vlan != 0)
        return Unexpected(SetupError{wish->interface + ": --vlan: XDP sees no tags; take the VLAN's own interface"});
    config.loops_own_address = wish->is_on;
    if (options.cores > 1) return Unexpected(SetupError{wish->interface + ": one core only; choose it with --cores=N"});
    return Xdp::open(wish->interface, {config.address, config.more_addresses, config.address6, config.more_addresses6,
                                       config.link_local6});
}

// --- what both do

SetupError named_twice(const std::string& interface) {
    return SetupError{interface + ": named twice; each port has a device of its own"};
}

Result<epoll::Poller, SetupError> poller_of(const std::string& whose) {
    auto poller = epoll::Poller::make();
    if (!poller) return Unexpected(SetupError{whose + ": " + poller.error().message()});
    return std::move(*poller);
}

template <class Driver>
Result<stack::PortsParking, SetupError> parking_of(const std::vector<std::unique_ptr<Driver>>& drivers,
                                                   const std::string& whose) {
    std::vector<int> fds;
    for (const auto& driver : drivers) fds.push_back(driver->wake_fd());
    auto parking = stack::PortsParking::make(fds);
    if (!parking) return Unexpected(SetupError{whose + ": " + parking.error().message()});
    return std::move(*parking);
}

// --- tap

/// One of the devices that were named, with all that is said of it.
struct TapPlan {
    Wish wish;
    stack::StackConfig config;
};

/// What was named, in order.
///
/// Errors: a line without the driver's name.
Result<std::vector<TapPlan>, SetupError> plans_of(const backend::Options& options) {
    const auto names = stack::parts_of_ports(options.interface);
    auto each = stack::options_of_ports(options, names.size());
    if (!each) return Unexpected(std::move(each).error());
    std::vector<TapPlan> plans;
    std::vector<stack::StackConfig> configs;
    for (std::size_t at = 0; at < names.size(); ++at) {
        TapPlan plan;
        if (auto applied = stack::apply((*each)[at], plan.config); !applied) {
            SetupError error = std::move(applied).error();
            if (names.size() > 1) error.message = std::string(names[at]) + ": " + error.message;
            return Unexpected(std::move(error));
        }
        auto wish = Wish::of_tap(std::string(names[at]));
        if (!wish) return Unexpected(std::move(wish).error());
        plan.wish = std::move(*wish);
        for (const TapPlan& before : plans)
            if (before.wish.interface == plan.wish.interface) return Unexpected(named_twice(plan.wish.interface));
        configs.push_back(plan.config);
        plans.push_back(std::move(plan));
    }
    if (auto trouble = stack::trouble_of_ports(configs)) return Unexpected(std::move(*trouble));
    return plans;
}

/// What a driver of one device is made of.
struct TapParts {
    Tap tap;
    epoll::Poller poller;
};

Result<TapParts, SetupError> open_tap(const TapPlan& plan, const backend::CoreSetup& setup) {
    const std::string& interface = plan.wish.interface;
    auto tap = Tap::attach(interface, offloads_of(plan.wish, setup));
    if (!tap) return Unexpected(SetupError{"tap: " + refusal(tap.error(), interface)});
    auto poller = poller_of("tap: " + interface);
    if (!poller) return Unexpected(std::move(poller).error());
    return TapParts{std::move(*tap), std::move(*poller)};
}

/// Once the driver stands where it stays.
std::optional<SetupError> start_tap(TapDriver& driver, const std::string& interface, const backend::CoreSetup& setup) {
    if (auto started = driver.port().start(); !started)
        return SetupError{"tap: " + interface + ": " + started.error().message()};
    driver.begin_capture(setup.capture, "tap:" + interface);
    return {};
}

/// A core whose driver is polled until its addresses are there.
template <class Loop>
Result<std::unique_ptr<backend::Core>, SetupError> with_addresses(std::unique_ptr<Loop> core,
                                                                  const std::string& whose) {
    auto found = stack::wait_for_addresses(core->driver());
    if (!found) return Unexpected(SetupError{whose + ": " + found.error().message});
    core->set_note(std::move(*found));
    return std::unique_ptr<backend::Core>(std::move(core));
}

Result<std::unique_ptr<backend::Core>, SetupError> make_tap_ports_core(const backend::CoreSetup& setup,
                                                                       const std::vector<TapPlan>& plans) {
    std::vector<std::unique_ptr<TapDriver>> drivers;
    for (const TapPlan& plan : plans) {
        auto parts = open_tap(plan, setup);
        if (!parts) return Unexpected(std::move(parts).error());
        auto driver = std::make_unique<TapDriver>(plan.config, setup.scheduler->home(), std::move(parts->tap),
                                                  std::move(parts->poller));
        if (auto trouble = start_tap(*driver, plan.wish.interface, setup)) return Unexpected(std::move(*trouble));
        drivers.push_back(std::move(driver));
    }
    auto parking = parking_of(drivers, "tap: " + setup.options.interface);
    if (!parking) return Unexpected(std::move(parking).error());
    return with_addresses(std::make_unique<runtime::CoreLoop<TapPortsDriver>>(
                              setup, std::move(drivers), std::move(*parking), setup.scheduler->home()),
                          "tap: " + setup.options.interface);
}

// --- xdp

struct XdpPlan {
    Xdp xdp;
    stack::StackConfig config;
};

std::string names_of(const std::vector<XdpPlan>& plans, const char* between) {
    std::string names;
    for (const XdpPlan& plan : plans) names += (names.empty() ? "" : between) + plan.xdp.device.name;
    return names;
}

/// As plans_of().
Result<std::vector<XdpPlan>, SetupError> xdp_plans_of(const backend::Options& options) {
    const auto names = stack::parts_of_ports(options.interface);
    auto each = stack::options_of_ports(options, names.size());
    if (!each) return Unexpected(std::move(each).error());
    std::vector<XdpPlan> plans;
    std::vector<stack::StackConfig> configs;
    for (std::size_t at = 0; at < names.size(); ++at) {
        (*each)[at].interface = names[at];
        stack::StackConfig config;
        auto xdp = open_xdp((*each)[at], config);
        if (!xdp) return Unexpected(std::move(xdp).error());
        for (const XdpPlan& before : plans)
            if (before.xdp.device.name == xdp->device.name) return Unexpected(named_twice(xdp->device.name));
        config.seed = stack::fresh_seed();
        configs.push_back(config);
        plans.push_back({std::move(*xdp), config});
    }
    if (auto trouble = stack::trouble_of_ports(configs)) return Unexpected(std::move(*trouble));
    return plans;
}

std::optional<SetupError> start_xdp(XdpDriver& driver, const std::string& name, const backend::CoreSetup& setup) {
    if (auto started = driver.port().start(); !started) return SetupError{"xdp: " + started.error().message};
    driver.begin_capture(setup.capture, "xdp:" + name);
    return {};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_xdp_ports_core(const backend::CoreSetup& setup,
                                                                       std::vector<XdpPlan> plans) {
    const std::string names = names_of(plans, "+");
    std::vector<std::unique_ptr<XdpDriver>> drivers;
    for (XdpPlan& plan : plans) {
        const std::string name = plan.xdp.device.name;
        auto poller = poller_of("xdp: " + name);
        if (!poller) return Unexpected(std::move(poller).error());
        drivers.push_back(
            std::make_unique<XdpDriver>(plan.config, setup.scheduler->home(), std::move(plan.xdp), std::move(*poller)));
        if (auto trouble = start_xdp(*drivers.back(), name, setup)) return Unexpected(std::move(*trouble));
    }
    auto parking = parking_of(drivers, "xdp: " + names);
    if (!parking) return Unexpected(std::move(parking).error());
    return with_addresses(std::make_unique<runtime::CoreLoop<XdpPortsDriver>>(
                              setup, std::move(drivers), std::move(*parking), setup.scheduler->home()),
                          "xdp: " + names);
}

}  // namespace

backend::Probe probe_tap(const backend::Options& options) {
    if (options.interface.empty()) return {false, "no interface was named; --backend=tap:IF does"};
    const auto plans = plans_of(options);
    if (!plans) return {false, plans.error().message};
    std::string names;
    for (const TapPlan& plan : *plans) {
        const std::string& interface = plan.wish.interface;
        if (auto tap = Tap::attach(interface); !tap) return {false, refusal(tap.error(), interface)};
        names += (names.empty() ? "" : ", ") + interface;
    }
    return {true, "our own stack over the TAP device" + std::string(plans->size() > 1 ? "s " : " ") + names};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_tap_core(const backend::CoreSetup& setup) {
    auto plans = plans_of(setup.options);
    if (!plans) return Unexpected(SetupError{"tap: " + plans.error().message});
    if (setup.core.index != 0)
        return Unexpected(SetupError{"tap: " + setup.options.interface + ": one core only; choose it with --cores=N"});
    for (TapPlan& plan : *plans) plan.config.seed = stack::fresh_seed();
    if (plans->size() > 1) return make_tap_ports_core(setup, *plans);
    const TapPlan& plan = plans->front();
    auto parts = open_tap(plan, setup);
    if (!parts) return Unexpected(std::move(parts).error());
    auto core = std::make_unique<runtime::CoreLoop<TapDriver>>(setup, plan.config, setup.scheduler->home(),
                                                               std::move(parts->tap), std::move(parts->poller));
    if (auto trouble = start_tap(core->driver(), plan.wish.interface, setup)) return Unexpected(std::move(*trouble));
    return with_addresses(std::move(core), "tap: " + plan.wish.interface);
}

// The queues are not taken here: a card may drop its link for that, and it would twice.
backend::Probe probe_xdp(const backend::Options& options) {
    const auto plans = xdp_plans_of(options);
    if (!plans) return {false, plans.error().message};
    return {true, "our own stack over AF_XDP on queue 0 of " + names_of(*plans, ", ")};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_xdp_core(const backend::CoreSetup& setup) {
    auto plans = xdp_plans_of(setup.options);
    if (!plans) return Unexpected(SetupError{"xdp: " + plans.error().message});
    if (plans->size() > 1) return make_xdp_ports_core(setup, std::move(*plans));
    XdpPlan& plan = plans->front();
    const std::string name = plan.xdp.device.name;
    auto poller = poller_of("xdp: " + name);
    if (!poller) return Unexpected(std::move(poller).error());
    auto core = std::make_unique<runtime::CoreLoop<XdpDriver>>(setup, plan.config, setup.scheduler->home(),
                                                               std::move(plan.xdp), std::move(*poller));
    if (auto trouble = start_xdp(core->driver(), name, setup)) return Unexpected(std::move(*trouble));
    return with_addresses(std::move(core), "xdp: " + name);
}

}  // namespace skerry::kernel_io::frame
