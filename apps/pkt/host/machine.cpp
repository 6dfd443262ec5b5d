#include "machine.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <algorithm>

namespace skerry::pkt {

using stack::tcp::Tuple;
using stack::wire::Ipv4Addr;

namespace {

MachineSettings settings_of(const MachineConfig& config) {
    MachineSettings settings;
    settings.profile = config.profile;
    settings.stack.address = Ipv4Addr::of(config.local);
    settings.stack.prefix_bits = config.prefix_bits;
    settings.stack.gateway = Ipv4Addr::of(config.gateway);
    settings.stack.mtu = config.mtu;
    settings.stack.seed = config.seed;
    apply(config.profile, settings.stack.tcp);
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

std::optional<Unsupported> Machine::inject(std::span<const std::byte> packet) {
    const unsigned version = packet.empty() ? 4 : std::to_integer<unsigned>(packet.front()) >> 4U;
    if (version == 6) return unsupported("IPv6: the stack does not have it yet");
    note_ends(packet);
    engine_.receive(packet);
    return {};
}

void Machine::note_ends(std::span<const std::byte> packet) {
    stack::wire::Ipv4Header ip;
    stack::wire::TcpHeader tcp;
    if (parse(packet, ip) != stack::Drop::none || ip.protocol != stack::wire::ip_protocol::tcp) return;
    if (parse(packet.subspan(ip.header_bytes), tcp) != stack::Drop::none) return;
    const Tuple ends{ip.destination, ip.source, tcp.destination_port, tcp.source_port};
    if (std::find(seen_.begin(), seen_.end(), ends) == seen_.end()) seen_.push_back(ends);
}

// --- looking in from outside

std::string_view Machine::state_of(int fd) {
    const auto description = calls_->descriptors().find(fd);
    return description != nullptr ? description->state_name() : std::string_view();
}

std::vector<ConnectionView> Machine::connections() {
    std::vector<Tuple> tuples = seen_;
    for (const auto& description : calls_->descriptors().all())
        if (const auto ends = description->tuple();
            ends && std::find(tuples.begin(), tuples.end(), *ends) == tuples.end())
            tuples.push_back(*ends);
    std::vector<ConnectionView> views;
    for (const Tuple& ends : tuples)
        if (const auto state = engine_.tcp().state_of(ends))
            views.push_back({{ends.local.ip(), ends.local_port}, {ends.remote.ip(), ends.remote_port}, *state});
    return views;
}

bool Machine::drop(const net::SocketAddr& local, const net::SocketAddr& remote) {
    if (!local.is_v4() || !remote.is_v4()) return false;
    const Tuple ends{Ipv4Addr::of(local.ip()), Ipv4Addr::of(remote.ip()), local.port(), remote.port()};
    const bool was_there = engine_.tcp().abort(ends, now());
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
