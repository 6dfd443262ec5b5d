#include <skerry/dpdk/backend.hpp>

#include "doorbell.hpp"
#include "driver.hpp"
#include "eal.hpp"
#include "granted_devices.hpp"
#include "port.hpp"
#include "stack_port.hpp"

#include <skerry/dpdk/options.hpp>
#include <skerry/runtime/core_loop.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/stack/options.hpp>
#include <skerry/stack/ports/ports_driver.hpp>
#include <skerry/stack/ports/ports_options.hpp>
#include <skerry/trace/notice.hpp>

#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace skerry::dpdk {

namespace {

using backend::SetupError;

using StackDriver = stack::Driver<StackPort>;
static_assert(backend::Driver<StackDriver>);
using StackPortsDriver = stack::PortsDriver<StackPort>;
static_assert(backend::Driver<StackPortsDriver>);

/// Without the "dpdk: " that a line of this folder begins with: the Builder says the driver's name itself.
std::string bare(const std::string& line) {
    constexpr std::string_view prefix = "dpdk: ";
    return line.starts_with(prefix) ? line.substr(prefix.size()) : line;
}

/// What --dpdk says; without it, the card that a device plugin has given to this container.
Result<Options, OptionsError> options_of(const backend::Options& given) {
    if (!given.dpdk.empty()) return parse_options(given.dpdk);
    const auto granted = granted_devices(::environ);
    if (!granted) return Unexpected(granted.error());
    const auto refuse = [&](const std::string& why) { return Unexpected(OptionsError{granted->variables + why}); };
    if (granted->addresses.empty())
        return Unexpected(
            OptionsError{"no device is configured; name one, for instance --dpdk=vdev=net_memif0,role=server,id=0"});
    // Nobody has named this device, so it is used only for what it can have been given for: sockets.
    if (!stack::has_address(given))
        return refuse(" grants " + granted->text() +
                      ", and no address is configured; give one with --ip=ADDRESS/PREFIX, --ip=dhcp or --ip6");
    const std::size_t wanted = stack::parts_of_ports(given.ip.empty() ? given.ip6 : given.ip).size();
    if (granted->addresses.size() != wanted)
        return refuse(" grant" + std::string(granted->variables.find(',') == std::string::npos ? "s " : " ") +
                      granted->text() + ", and addresses are written for " + std::to_string(wanted) +
                      "; choose the devices with --dpdk=pci=ADDRESS, or write as many with + between them");
    return parse_options(granted->text());
}

SetupError no_doorbell(const Error& error) {
    return SetupError{"dpdk: cannot make an eventfd: " + error.message() + "; raise the limit with ulimit -n"};
}

/// A line for each card that sits at another node's memory than this thread's CPU.
void note_distance(const PortSet& ports, task::CoreId core) {
    const int here = eal::node_of_thread();
    for (const auto& port : ports.ports())
        if (here >= 0 && port->node() >= 0 && port->node() != here)
            trace::notice("dpdk: core " + std::to_string(core.index) + " is at memory node " + std::to_string(here) +
                          ", " + port->name() + " at node " + std::to_string(port->node()) +
                          ": each packet crosses the link between them; choose CPUs of that node with --cores");
}

/// Behind the name of a port, where several cores have it.
std::string of_core(const backend::CoreSetup& setup) {
    return setup.core_count > 1 ? ", core " + std::to_string(setup.core.index) : "";
}

class DpdkBackend final : public backend::Backend {
public:
    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
        static constexpr std::array<std::string_view, 1> names{"dpdk"};
        return names;
    }

    [[nodiscard]] backend::Idle default_idle(std::string_view) const noexcept override { return backend::Idle::spin; }

    [[nodiscard]] backend::Probe probe(std::string_view, const backend::Options& given) override {
        auto options = options_of(given);
        if (!options) return {false, bare(options.error().message)};
        if (auto started = eal::start(*options); !started) return {false, bare(started.error().message)};
        const std::lock_guard guard(mutex_);
        auto attached = PortSet::attach(*options);
        if (!attached) return {false, bare(attached.error().message)};
        attached_ = std::move(*attached);
        options_ = std::move(*options);
        std::string reason = eal::memory_line();
        for (const auto& port : attached_->ports()) reason += "; " + port->description(given.cores);
        return {true, reason};
    }

    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view, const backend::CoreSetup& setup) override {
        if (auto registered = eal::register_thread(); !registered) return Unexpected(std::move(registered).error());
        auto doorbell = Doorbell::make();
        if (!doorbell) return Unexpected(no_doorbell(doorbell.error()));
        auto ports = ports_for(setup);
        if (!ports) return Unexpected(std::move(ports).error());
        note_distance(**ports, setup.core);
        if (stack::has_address(setup.options))
            return make_stack_core(setup, loops_own_address(), std::move(*ports), std::move(*doorbell));
        return std::unique_ptr<backend::Core>(std::make_unique<runtime::CoreLoop<Driver>>(
            setup, std::move(*ports), setup.core.index, setup.scheduler->home(), std::move(*doorbell)));
    }

private:
    /// With an address the core runs our stack; without one its tasks take raw frames.
    static Result<std::unique_ptr<backend::Core>, SetupError> make_stack_core(const backend::CoreSetup& setup,
                                                                              bool loops_own_address,
                                                                              std::shared_ptr<PortSet> ports,
                                                                              Doorbell doorbell) {
        auto configs = configs_of(setup, *ports, loops_own_address);
        if (!configs) return Unexpected(SetupError{"dpdk: " + configs.error().message});
        std::unique_ptr<backend::CarriedSlowLane> lane;
        if (setup.slow_lanes != nullptr) {
            auto made = setup.slow_lanes->make_slow_lane();
            if (!made) return Unexpected(SetupError{"dpdk: " + made.error().message});
            lane = std::move(*made);
        }
        if (configs->size() > 1)
            return make_ports_core(setup, *configs, std::move(ports), std::move(doorbell), std::move(lane));
        const std::string name = ports->ports().front()->name() + of_core(setup);
        auto core = std::make_unique<runtime::CoreLoop<StackDriver>>(setup, configs->front(), setup.scheduler->home(),
                                                                     std::move(ports), std::size_t{0}, setup.core.index,
                                                                     std::move(doorbell), std::move(lane));
        core->driver().begin_capture(setup.capture, name);
        return with_addresses(std::move(core), name);
    }

    /// What the stack of each port is told.
    ///
    /// Errors: a line without the driver's name.
    static Result<std::vector<stack::StackConfig>, SetupError> configs_of(const backend::CoreSetup& setup,
                                                                          const PortSet& ports,
                                                                          bool loops_own_address) {
        const std::size_t count = ports.ports().size();
        auto options = stack::options_of_ports(setup.options, count);
        if (!options) return Unexpected(std::move(options).error());
        std::vector<stack::StackConfig> configs(count);
        for (std::size_t at = 0; at < count; ++at) {
            stack::StackConfig& config = configs[at];
            if (auto applied = stack::apply((*options)[at], config); !applied) {
                const std::string whose = count > 1 ? ports.ports()[at]->name() + ": " : "";
                return Unexpected(SetupError{whose + applied.error().message});
            }
            std::shared_ptr<stack::Steering> steering = ports.steering(at);
            config.seed = steering != nullptr ? steering->options().seed : stack::fresh_seed();
            config.seat = {std::move(steering), setup.core.index};
            config.loops_own_address = loops_own_address;
        }
        if (auto trouble = stack::trouble_of_ports(configs)) return Unexpected(std::move(*trouble));
        return configs;
    }

    /// The slow lane is the first port's.
    static Result<std::unique_ptr<backend::Core>, SetupError> make_ports_core(
        const backend::CoreSetup& setup, const std::vector<stack::StackConfig>& configs,
        const std::shared_ptr<PortSet>& ports, Doorbell doorbell, std::unique_ptr<backend::CarriedSlowLane> lane) {
        std::vector<std::unique_ptr<StackDriver>> drivers;
        std::vector<int> fds;
        std::string names;
        for (std::size_t at = 0; at < configs.size(); ++at) {
            auto bell = at == 0 ? Result<Doorbell>(std::move(doorbell)) : Doorbell::make();
            if (!bell) return Unexpected(no_doorbell(bell.error()));
            drivers.push_back(std::make_unique<StackDriver>(configs[at], setup.scheduler->home(), ports, at,
                                                            setup.core.index, std::move(*bell), std::move(lane)));
            const std::string& name = ports->ports()[at]->name();
            drivers.back()->begin_capture(setup.capture, name + of_core(setup));
            names += (names.empty() ? "" : "+") + name;
            for (const int fd : drivers.back()->port().park_fds()) fds.push_back(fd);
        }
        auto parking = stack::PortsParking::make(fds);
        names += of_core(setup);
        if (!parking) return Unexpected(SetupError{"dpdk: " + names + ": " + parking.error().message()});
        return with_addresses(std::make_unique<runtime::CoreLoop<StackPortsDriver>>(
                                  setup, std::move(drivers), std::move(*parking), setup.scheduler->home()),
                              names);
    }

    /// A core whose driver is polled until its addresses are there.
    template <class Loop>
    static Result<std::unique_ptr<backend::Core>, SetupError> with_addresses(std::unique_ptr<Loop> core,
                                                                             const std::string& name) {
        auto found = stack::wait_for_addresses(core->driver());
        if (!found) return Unexpected(SetupError{"dpdk: " + name + ": " + found.error().message});
        core->set_note(std::move(*found));
        return std::unique_ptr<backend::Core>(std::move(core));
    }

    // The first core starts the ports that the probe has taken, the others wait for it and share them; the last core
    // that ends closes them.
    Result<std::shared_ptr<PortSet>, SetupError> ports_for(const backend::CoreSetup& setup) {
        const std::lock_guard guard(mutex_);
        if (auto running = running_.lock()) return running;
        if (attached_ == nullptr) return Unexpected(SetupError{failure_});
        const std::shared_ptr<PortSet> ports = std::move(attached_);
        const PortUsers users{setup.core_count, stack::has_address(setup.options), setup.idle != backend::Idle::spin,
                              stack::fresh_seed()};
        if (users.may_steer && users.cores > stack::cores_max)
            return Unexpected(SetupError{"dpdk: at most " + std::to_string(stack::cores_max) +
                                         " cores share an address; give fewer with --cores"});
        if (auto started = ports->start(users, options_); !started) {
            failure_ = started.error().message;
            return Unexpected(std::move(started).error());
        }
        running_ = ports;
        return ports;
    }

    bool loops_own_address() {
        const std::lock_guard guard(mutex_);
        return options_.loops_own_address;
    }

    std::mutex mutex_;
    Options options_;  // those that the probe has found
    std::shared_ptr<PortSet> attached_;  // from the probe to the first core
    std::weak_ptr<PortSet> running_;
    std::string failure_ = "dpdk: its ports are closed";
};

}  // namespace

std::unique_ptr<backend::Backend> make_backend() { return std::make_unique<DpdkBackend>(); }

}  // namespace skerry::dpdk
