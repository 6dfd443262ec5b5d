// The drivers of several cores, one of which has the queue.

#include "support/stack_host.hpp"

#include <skerry/stack/driver.hpp>

#include <memory>
#include <span>

namespace skerry {
namespace {

using namespace tests;

/// Counts what it is given.
class CountingPort {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    std::size_t receive(std::span<backend::Frame*>, time::Instant) noexcept { return 0; }
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept {
        for (backend::Frame* const packet : packets) packet->drop();
        sent += packets.size();
        return packets.size();
    }
    [[nodiscard]] backend::PortInfo info() const noexcept {
        backend::PortInfo info;
        info.mac = host_mac.octets;
        return info;
    }
    [[nodiscard]] backend::FrameCache& frames() noexcept { return frames_; }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return time::Instant::max(); }
    bool arm() noexcept { return true; }
    void park(time::Instant) noexcept {}
    void unpark() noexcept {}
    [[nodiscard]] int wake_fd() const noexcept { return -1; }
    [[nodiscard]] backend::SlowLane* slow_lane() noexcept { return nullptr; }

    std::size_t sent = 0;

private:
    backend::HeapFrames frames_;
};

struct SilentSocket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

TEST_CASE("what a core without a queue sends leaves though its sender receives no more", "[stack][steering]") {
    stack::SteeringOptions options;
    options.cores = 2;
    options.queues = 1;
    options.flows_max = 64;
    options.seed = 7;
    const auto shared = std::make_shared<stack::Steering>(options);
    stack::StackConfig config = host_config();
    using Driver = stack::Driver<CountingPort>;
    config.seat = {shared, 0};
    Driver sender(config, 0);
    config.seat = {shared, 1};
    Driver other(config, 1);
    config.seat = {};
    const time::Instant now = time::Instant::now();
    SilentSocket socket;
    REQUIRE(other.stack().udp().open(socket, {}, 7001));
    REQUIRE(other.stack().udp().send(socket, stack::wire::Ipv4Addr::of(198, 18, 0, 255), 9, {}, now));
    other.transmit(now);
    CHECK(other.port().sent == 0);
    sender.transmit(now);
    CHECK(sender.port().sent == 1);
    other.stack().udp().close(socket, now);
}

}  // namespace
}  // namespace skerry
