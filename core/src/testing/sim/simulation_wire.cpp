// What tests do to the wire of a simulation.

#include "simulation_state.hpp"

#include <utility>

namespace skerry::testing {

void Simulation::set_link(const Link& link) { state_->wire.set_all(link); }

void Simulation::set_link(const Host& from, const Host& to, const Link& link) {
    state_->wire.set(from.state_->place.station, to.state_->place.station, link);
}

Link Simulation::link(const Host& from, const Host& to) const {
    return state_->wire.link(from.state_->place.station, to.state_->place.station);
}

void Simulation::partition(const Host& one, const Host& other) {
    state_->wire.set_cut(one.state_->place.station, other.state_->place.station, true);
    state_->wire.set_cut(other.state_->place.station, one.state_->place.station, true);
}

void Simulation::partition(const HostSet& one_side, const HostSet& other_side) {
    for (const Host& one : one_side)
        for (const Host& other : other_side) partition(one, other);
}

void Simulation::repair(const Host& one, const Host& other) {
    state_->wire.set_cut(one.state_->place.station, other.state_->place.station, false);
    state_->wire.set_cut(other.state_->place.station, one.state_->place.station, false);
}

void Simulation::heal() { state_->wire.mend_all(); }

void Simulation::set_filter(const Host& from, const Host& to, FrameFilter filter) {
    state_->wire.set_filter(from.state_->place.station, to.state_->place.station, std::move(filter));
}

void Simulation::watch_frames(std::function<void(const FrameEvent&)> watch) {
    state_->wire.add_watch([this, watch = std::move(watch)](FrameEvent::Kind kind, Station from, Station to,
                                                            std::span<const std::byte> frame, const char* did) {
        watch(FrameEvent{kind, *state_->hosts[from], *state_->hosts[to], frame, did});
    });
}

std::uint64_t Simulation::trace() const noexcept { return state_->wire.trace(); }
const WireCounters& Simulation::wire() const noexcept { return state_->wire.counters(); }

void Simulation::capture(const std::string& path) {
    auto capture = Pcapng::create(path);
    if (!capture) throw Failure(path + ": " + capture.error().message());
    state_->wire.set_capture(std::move(*capture));
}

}  // namespace skerry::testing
