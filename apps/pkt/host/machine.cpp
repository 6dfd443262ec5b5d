#include "machine.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>

namespace skerry::pkt {

using stack::tcp::Tuple;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

namespace {

void set_addresses(const MachineConfig& config, stack::StackConfig& stack) {
    if (config.local.is_v6()) {
        stack.address6 = Ipv6Addr::of(config.local);
        stack.prefix6_bits = config.prefix_bits;
        stack.gateway6 = Ipv6Addr::of(config.gateway);
        return;
    }
    stack.address = Ipv4Addr::of(config.local);
    stack.prefix_bits = config.prefix_bits;
    stack.gateway = Ipv4Addr::of(config.gateway);
}

MachineSettings settings_of(const MachineConfig& config) {
    MachineSettings settings;
    settings.profile = config.profile;
    set_addresses(config, settings.stack);
    settings.stack.mtu = config.mtu;
    settings.stack.seed = config.seed;
    apply_for_scripts(config.profile, settings.stack.tcp);
    if (config.profile == Profile::freebsd) settings.sockets.keep_alive_count = 8;
    return settings;
}

}  // namespace

Machine::Machine(const MachineConfig& config)
    : settings_(settings_of(config)),
      start_(config.start),
      engine_(settings_.stack, config.start),
      ports_(flavour_of(config.profile),
             [this](const Tuple& tuple) { return engine_.tcp().state_of(tuple).has_value(); }),
      home_{engine_, ports_, flavour_of(config.profile), settings_.sockets} {
    calls_.emplace(home_, config.descriptors_most);
}

// --- time

time::Instant Machine::next_deadline() noexcept { return std::min(engine_.next_deadline(), calls_->next_deadline()); }

// Of timers far away the wheel may name a moment that is too early, at which nothing is done; of those of the running
// moment it knows the exact one. So each look brings time on, or something about.
void Machine::advance_to(time::Instant to) {
    constexpr int looks_at_once = 10'000;
    SKERRY_ASSERT(to >= now(), "time does not go back");
    int looks = 0;
    for (time::Instant next = next_deadline(); next <= to; next = next_deadline()) {
        looks = next > now() ? 0 : looks + 1;
        SKERRY_ASSERT(looks < looks_at_once, "something is due at one instant again and again");
        engine_.move_to(std::max(next, now()));
    }
    if (to > now()) engine_.move_to(to);
}

// --- the wire

void Machine::inject(std::span<const std::byte> packet) {
    note_ends(packet);
    engine_.receive(packet);
}

void Machine::note_ends(std::span<const std::byte> packet) {
    const bool is_v6 = !packet.empty() && std::to_integer<unsigned>(packet.front()) >> 4U == 6;
    if (const auto ends = is_v6 ? ends_of_v6(packet) : ends_of_v4(packet)) note(*ends);
}

void Machine::note(const Ends& ends) {
    if (std::find(seen_.begin(), seen_.end(), ends) == seen_.end()) seen_.push_back(ends);
}

auto Machine::ends_of_v4(std::span<const std::byte> packet) -> std::optional<Ends> {
    stack::wire::Ipv4Header ip;
    stack::wire::TcpHeader tcp;
    if (parse(packet, ip) != stack::Drop::none || ip.protocol != stack::wire::ip_protocol::tcp) return {};
    if (parse(packet.subspan(ip.header_bytes), tcp) != stack::Drop::none) return {};
    return Ends{{ip.destination.ip(), tcp.destination_port}, {ip.source.ip(), tcp.source_port}};
}

auto Machine::ends_of_v6(std::span<const std::byte> packet) -> std::optional<Ends> {
    stack::wire::Ipv6Header ip;
    stack::wire::Ipv6Chain chain;
    stack::wire::TcpHeader tcp;
    if (parse(packet, ip) != stack::Drop::none || parse(packet, chain, ip) != stack::Drop::none) return {};
    if (chain.protocol != stack::wire::ip_protocol::tcp || chain.is_later_fragment()) return {};
    if (parse(packet.subspan(chain.payload_at), tcp) != stack::Drop::none) return {};
    return Ends{{ip.destination.ip(), tcp.destination_port}, {ip.source.ip(), tcp.source_port}};
}

std::optional<Tuple> Machine::tuple_of(const Ends& ends) {
    stack::Hosts& hosts = engine_.stack().hosts();
    const auto local = hosts.name(ends.local.ip());
    const auto remote = hosts.name(ends.remote.ip());
    if (!local || !remote) return {};
    return Tuple{*local, *remote, ends.local.port(), ends.remote.port()};
}

// --- looking in from outside

std::string_view Machine::state_of(int fd) {
    const auto description = calls_->descriptors().find(fd);
    return description != nullptr ? description->state_name() : std::string_view();
}

std::vector<ConnectionView> Machine::connections() {
    stack::Hosts& hosts = engine_.stack().hosts();
    for (const auto& description : calls_->descriptors().all())
        if (const auto tuple = description->tuple())
            note({{hosts.ip(tuple->local), tuple->local_port}, {hosts.ip(tuple->remote), tuple->remote_port}});
    std::vector<ConnectionView> views;
    for (const Ends& ends : seen_)
        if (const auto tuple = tuple_of(ends))
            if (const auto state = engine_.tcp().state_of(*tuple)) views.push_back({ends.local, ends.remote, *state});
    return views;
}

bool Machine::drop(const net::SocketAddr& local, const net::SocketAddr& remote) {
    const auto tuple = tuple_of({local, remote});
    const bool was_there = tuple && engine_.tcp().abort(*tuple, now());
    if (was_there) engine_.settle();
    return was_there;
}

// --- settings

bool Machine::is_idle() {
    const stack::tcp::Sizes sizes = engine_.tcp().sizes();
    return sizes.connections + sizes.half_open + sizes.time_wait == 0 && calls_->descriptors().all().empty();
}

std::optional<Unsupported> Machine::set(std::string_view name, std::string_view value) {
    MachineSettings wanted = settings_;
    if (auto refusal = set_sysctl(wanted, name, value)) return refusal;
    const bool changes_stack = !have_same_stack(wanted, settings_);
    if (changes_stack && !is_idle())
        return unsupported("sysctl " + std::string(name) + ": the stack has sockets or connections already");
    settings_ = wanted;
    if (changes_stack) engine_.rebuild(settings_.stack);
    return {};
}

}  // namespace skerry::pkt
