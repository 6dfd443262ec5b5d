#include "backend.hpp"

#include "tap_port.hpp"

#include <skerry/runtime/core_loop.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/stack/options.hpp>

#include <memory>
#include <string>
#include <utility>

namespace skerry::kernel_io::frame {

using backend::SetupError;

namespace {

using TapDriver = stack::Driver<TapPort>;
static_assert(backend::Driver<TapDriver>);

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

}  // namespace

backend::Probe probe_tap(const backend::Options& options) {
    if (options.interface.empty()) return {false, "no interface was named; --backend=tap:IF does"};
    stack::StackConfig config;
    if (auto applied = stack::apply(options, config); !applied) return {false, applied.error().message};
    auto tap = Tap::attach(options.interface);
    if (!tap) return {false, refusal(tap.error(), options.interface)};
    return {true, "our own stack over the TAP device " + options.interface};
}

Result<std::unique_ptr<backend::Core>, SetupError> make_tap_core(const backend::CoreSetup& setup) {
    const std::string& interface = setup.options.interface;
    if (setup.core.index != 0)
        return Unexpected(SetupError{"tap: " + interface + ": one core only; choose it with --cores=N"});
    stack::StackConfig config;
    if (auto applied = stack::apply(setup.options, config); !applied) return Unexpected(std::move(applied).error());
    config.seed = stack::fresh_seed();
    auto tap = Tap::attach(interface);
    if (!tap) return Unexpected(SetupError{"tap: " + refusal(tap.error(), interface)});
    auto poller = epoll::Poller::make();
    if (!poller) return Unexpected(SetupError{"tap: " + interface + ": " + poller.error().message()});
    auto core = std::make_unique<runtime::CoreLoop<TapDriver>>(setup, config, setup.scheduler->home(), std::move(*tap),
                                                               std::move(*poller));
    if (auto started = core->driver().port().start(); !started)
        return Unexpected(SetupError{"tap: " + interface + ": " + started.error().message()});
    return core;
}

}  // namespace skerry::kernel_io::frame
