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

bool cuts_off(const Fault& fault) noexcept {
    return fault.kind == Fault::Kind::partition || fault.kind == Fault::Kind::blackhole;
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
void Simulation::State::cut_off(Cut& cut, const Host& from, const Host& to) {
    const bool is_from_hit = has(cut.fault.hosts, from.name());
    if (is_from_hit == has(cut.fault.hosts, to.name())) return;
    if (!is_from_hit && cut.fault.kind != Fault::Kind::partition) return;
    cut.ways.emplace_back(from.state_->place.station, to.state_->place.station);
    wire.add_cut(cut.ways.back().first, cut.ways.back().second, 1);
}

void Simulation::State::cut_off_late(const Host& host) {
    for (Cut& cut : cuts)
        for (const auto& other : hosts) {
            cut_off(cut, host, *other);
            cut_off(cut, *other, host);
        }
}

// Those ways that it has cut, whoever is there by now.
void Simulation::State::mend(std::uint64_t fault) {
    const auto cut = std::find_if(cuts.begin(), cuts.end(), [fault](const Cut& each) { return each.number == fault; });
    SKERRY_ASSERT(cut != cuts.end(), "the end of a fault that has not begun");
    for (const auto& [from, to] : cut->ways) wire.add_cut(from, to, -1);
    cuts.erase(cut);
}

void Simulation::begin(const Fault& fault) {
    const std::uint64_t number = ++state_->faults_begun;
    for (const std::string& name : fault.hosts) {
        Host& host = named(name);
        if (fault.kind == Fault::Kind::crash && host.is_up()) host.crash();
        if (fault.kind == Fault::Kind::skew) host.state_->begin_skew(number, fault.skew);
    }
    if (cuts_off(fault)) {
        Cut& cut = state_->cuts.emplace_back(Cut{number, fault, {}});
        for (const auto& from : state_->hosts)
            for (const auto& to : state_->hosts) state_->cut_off(cut, *from, *to);
    }
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
        if (fault.kind == Fault::Kind::skew) host.state_->end_skew(number);
    }
    if (cuts_off(fault)) state_->mend(number);
    if (fault.kind != Fault::Kind::bad_link) return;
    auto& bad_links = state_->bad_links;
    std::erase_if(bad_links, [number](const auto& each) { return each.first == number; });
    state_->wire.set_overlay(bad_links.empty() ? std::nullopt : std::optional(bad_links.back().second));
}

}  // namespace skerry::testing
