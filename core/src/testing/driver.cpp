#include "driver.hpp"

namespace skerry::testing {

Driver::Installed::Installed(World& world) noexcept
    : time_(world.clock.time()),
      clock_(std::exchange(current_clock, &world.clock)),
      sockets_(std::exchange(backend::current_sockets, &world.network)),
      lane_(std::exchange(backend::current_slow_lane, nullptr)) {}

Driver::Installed::~Installed() {
    current_clock = clock_;
    backend::current_sockets = sockets_;
    backend::current_slow_lane = lane_;
}

backend::Work Driver::receive(time::Instant now) noexcept {
    world_->clock.follow();
    return world_->network.deliver(now) ? backend::Work::some : backend::Work::none;
}

time::Instant Driver::next_deadline() noexcept { return world_->network.next_deadline(); }

}  // namespace skerry::testing
