// Faults of a plan, as they begin and end.

#include "simulation_state.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace skerry::testing {

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void Simulation::schedule(const std::vector<Fault>& faults) {
    for (const Fault& fault : faults) schedule(fault);
}

void Simulation::schedule(const Fault& fault) {
    if (fault.kind != Fault::Kind::flap) return at(fault.begin, [this, fault] { begin(fault); });
    SKERRY_ASSERT(fault.period.count() > 0, "a flap without a period");
    Fault down = fault;
    down.kind = Fault::Kind::partition;
    const auto end = fault.begin + fault.duration;
    for (; down.begin < end; down.begin += 2 * fault.period) {
        down.duration = std::min(fault.period, end - down.begin);
        schedule(down);
    }
}

Host& Simulation::named(const std::string& name) const {
    for (const auto& host : state_->hosts)
        if (host->name() == name) return *host;
    SKERRY_ASSERT(false, "a fault of a host that does not exist");
    std::abort();
}

// What the fault's hosts send to others, and, where they are cut off, what others send to them.
void Simulation::cut_off(const Fault& fault, int cuts) {
    for (const auto& one : state_->hosts)
        for (const auto& other : state_->hosts) {
            if (!has(fault.hosts, one->name()) || has(fault.hosts, other->name())) continue;
            state_->wire.add_cut(one->state_->place.station, other->state_->place.station, cuts);
            if (fault.kind == Fault::Kind::partition)
                state_->wire.add_cut(other->state_->place.station, one->state_->place.station, cuts);
        }
}

void Simulation::begin(const Fault& fault) {
    for (const std::string& name : fault.hosts) {
        Host& host = named(name);
        if (fault.kind == Fault::Kind::crash && host.is_up()) host.crash();
        if (fault.kind == Fault::Kind::skew) host.set_clock({.ahead = fault.skew});
    }
    if (fault.kind == Fault::Kind::partition || fault.kind == Fault::Kind::blackhole) cut_off(fault, 1);
    const std::uint64_t number = ++state_->faults_begun;
    if (fault.kind == Fault::Kind::bad_link) {
        state_->bad_links.emplace_back(number, fault.link);
        state_->wire.set_overlay(fault.link);
    }
    at(fault.begin + fault.duration, [this, fault, number] { end(fault, number); });
}

void Simulation::end(const Fault& fault, std::uint64_t number) {
    for (const std::string& name : fault.hosts) {
        Host& host = named(name);
        if (fault.kind == Fault::Kind::crash && !host.is_up()) host.restart();
        if (fault.kind == Fault::Kind::skew) host.set_clock({});
    }
    if (fault.kind == Fault::Kind::partition || fault.kind == Fault::Kind::blackhole) cut_off(fault, -1);
    if (fault.kind != Fault::Kind::bad_link) return;
    auto& bad_links = state_->bad_links;
    std::erase_if(bad_links, [number](const auto& each) { return each.first == number; });
    state_->wire.set_overlay(bad_links.empty() ? std::nullopt : std::optional(bad_links.back().second));
}

}  // namespace skerry::testing
