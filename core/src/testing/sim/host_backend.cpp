#include "host_backend.hpp"

#include "host_driver.hpp"

#include <skerry/testing/backend.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace skerry::testing {

namespace {

using backend::SetupError;

class HostBackend final : public backend::Backend {
public:
    HostBackend(const stack::StackConfig& config, const Place& place, std::shared_ptr<void> keep) noexcept
        : keep_(std::move(keep)), config_(config), place_(place) {}

    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
        static constexpr std::array<std::string_view, 1> names{"testing"};
        return names;
    }

    [[nodiscard]] backend::Probe probe(std::string_view, const backend::Options&) override {
        return {true, "virtual time, and our own stack on a wire in memory"};
    }

    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view, const backend::CoreSetup& setup) override {
        if (std::exchange(is_made_, true))
            return Unexpected(SetupError{"testing: one core a runtime; use the flavour current_thread"});
        // The timer wheels start at the time they see now.
        const time::VirtualTimeScope on_virtual_time(place_.time());
        return std::unique_ptr<backend::Core>(
            std::make_unique<HostLoop>(setup, config_, setup.scheduler->home(), place_));
    }

private:
    std::shared_ptr<void> keep_;
    stack::StackConfig config_;
    Place place_;
    bool is_made_ = false;
};

/// A host with nobody else on its wire.
struct LoneHost {
    LoneHost(const Options& options, OnStandstill standstill)
        : pace(options.start, standstill), wire(options.seed, Link{}), station(wire.add("host")) {}

    Pace pace;
    Bell bell;
    FrameWire wire;
    Station station;
};

}  // namespace

stack::wire::Ipv4Addr address_of(Station station) noexcept {
    return {stack::wire::Ipv4Addr::of(198, 18, 0, 1).bits + station};
}

stack::wire::Ipv6Addr address6_of(const stack::wire::Ipv6Addr& network6, Station station) noexcept {
    if (network6.is_unspecified()) return {};
    return {network6.high, std::uint64_t{station} + 1};
}

stack::StackConfig config_of(stack::StackConfig config, Station station, std::uint64_t seed) noexcept {
    config.address = address_of(station);
    config.prefix_bits = 15;
    const auto each = static_cast<std::uint32_t>(config.more_addresses.size());
    for (stack::OwnIpv4& own : config.more_addresses.all()) own.address.bits += station * each;
    config.gateway = {};
    const std::size_t each6 = config.more_addresses6.size();
    for (stack::OwnIpv6& own : config.more_addresses6.all()) own.address.low += station * each6;
    config.address6 = address6_of(config.address6, station);
    config.prefix6_bits = 64;
    config.gateway6 = {};
    config.seed = seed;
    return config;
}

std::unique_ptr<backend::Backend> make_host_backend(const stack::StackConfig& config, const Place& place,
                                                    std::shared_ptr<void> keep) {
    return std::make_unique<HostBackend>(config, place, std::move(keep));
}

std::unique_ptr<backend::Backend> make_backend(const Options& options) {
    const auto standstill = options.woken_from_outside ? OnStandstill::wait : OnStandstill::abort;
    auto lone = std::make_shared<LoneHost>(options, standstill);
    const Place place{&lone->pace, &lone->bell, &lone->wire, lone->station, nullptr, nullptr, &lone->pace.clock};
    const stack::StackConfig config = config_of({}, lone->station, options.seed);
    return make_host_backend(config, place, std::move(lone));
}

}  // namespace skerry::testing
