#include "backend.hpp"

#include "tap_port.hpp"
#include "xdp_port.hpp"

#include <skerry/runtime/core_loop.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/stack/options.hpp>
#include <skerry/stack/siphash.hpp>

#include <memory>
#include <string>
#include <utility>

namespace skerry::kernel_io::frame {

using backend::SetupError;

namespace {

using TapDriver = stack::Driver<TapPort>;
static_assert(backend::Driver<TapDriver>);

using XdpDriver = stack::Driver<XdpPort>;
static_assert(backend::Driver<XdpDriver>);

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
    return Xdp::open(wish->interface, {config.address, config.address6, config.link_local6});
}

}  // namespace

backend::Probe probe_tap(const backend::Options& options) {
    if (options.interface.empty()) return {false, "no interface was named; --backend=tap:IF does"};
    stack::StackConfig config;
    if (auto applied = stack::apply(options, config); !applied) return {false, applied.error().message};
    const auto wish = Wish::of_tap(options.interface);
    if (!wish) return {false, wish.error().message};
    auto tap = Tap::attach(wish->interface);
    if (!tap) return {false, refusal(tap.error(), wish->interface)};
    return {true, "our own stack over the TAP device " + wish->interface};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_tap_core(const backend::CoreSetup& setup) {
    const auto wish = Wish::of_tap(setup.options.interface);
    if (!wish) return Unexpected(SetupError{"tap: " + wish.error().message});
    const std::string& interface = wish->interface;
    if (setup.core.index != 0)
        return Unexpected(SetupError{"tap: " + interface + ": one core only; choose it with --cores=N"});
    stack::StackConfig config;
    if (auto applied = stack::apply(setup.options, config); !applied) return Unexpected(std::move(applied).error());
    config.seed = stack::fresh_seed();
    auto tap = Tap::attach(interface, offloads_of(*wish, setup));
    if (!tap) return Unexpected(SetupError{"tap: " + refusal(tap.error(), interface)});
    auto poller = epoll::Poller::make();
    if (!poller) return Unexpected(SetupError{"tap: " + interface + ": " + poller.error().message()});
    auto core = std::make_unique<runtime::CoreLoop<TapDriver>>(setup, config, setup.scheduler->home(), std::move(*tap),
                                                               std::move(*poller));
    if (auto started = core->driver().port().start(); !started)
        return Unexpected(SetupError{"tap: " + interface + ": " + started.error().message()});
    core->driver().begin_capture(setup.capture, "tap:" + interface);
    auto found = stack::wait_for_addresses(core->driver());
    if (!found) return Unexpected(SetupError{"tap: " + interface + ": " + found.error().message});
    core->set_note(std::move(*found));
    return core;
}

// The queue is not taken here: a card may drop its link for that, and it would twice.
backend::Probe probe_xdp(const backend::Options& options) {
    stack::StackConfig config;
    const auto xdp = open_xdp(options, config);
    if (!xdp) return {false, xdp.error().message};
    return {true, "our own stack over AF_XDP on queue 0 of " + xdp->device.name};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_xdp_core(const backend::CoreSetup& setup) {
    stack::StackConfig config;
    auto xdp = open_xdp(setup.options, config);
    if (!xdp) return Unexpected(SetupError{"xdp: " + xdp.error().message});
    config.seed = stack::fresh_seed();
    const std::string name = xdp->device.name;
    auto poller = epoll::Poller::make();
    if (!poller) return Unexpected(SetupError{"xdp: " + name + ": " + poller.error().message()});
    auto core = std::make_unique<runtime::CoreLoop<XdpDriver>>(setup, config, setup.scheduler->home(), std::move(*xdp),
                                                               std::move(*poller));
    if (auto started = core->driver().port().start(); !started)
        return Unexpected(SetupError{"xdp: " + started.error().message});
    core->driver().begin_capture(setup.capture, "xdp:" + name);
    return core;
}

}  // namespace skerry::kernel_io::frame
