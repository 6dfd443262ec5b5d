#pragma once

// Hot path. What a core polls that has several ports: a stack::Driver for each, whole, as a core of one port has it,
// which knows nothing of the others. A turn looks at each of them; what programs see is PortsSockets.
//
// One stack with several ports was the other way. Every packet would have asked by which port it goes, every table
// would have held the ports of all, and a core with one port, which nearly all are, would have paid for it.
//
// The frames that programs allocate are the first port's, and so is the slow lane. A frame of another port that a
// program drops goes home by that port's own list.

#include "ports_parking.hpp"
#include "ports_sockets.hpp"

#include "../driver.hpp"
#include "../start_wait.hpp"

#include "../../backend/driver.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry::stack {

template <backend::FramePort Port>
class PortsDriver {
public:
    using Child = Driver<Port>;
    static constexpr std::int64_t busy_poll_interval_ns = Port::busy_poll_interval_ns;

    /// Shape: 1 to PortsSockets::ports_max ports; `parking` is of all descriptors that they sleep on.
    PortsDriver(std::vector<std::unique_ptr<Child>> ports, PortsParking parking, std::uint16_t home)
        : ports_(std::move(ports)), sockets_(sockets_of(ports_), home), parking_(std::move(parking)) {}
    PortsDriver(const PortsDriver&) = delete;
    PortsDriver& operator=(const PortsDriver&) = delete;

    backend::Work receive(time::Instant now) noexcept {
        backend::Work work = backend::Work::none;
        for (const auto& port : ports_) {
            const FramesOf here(*port);
            work = std::max(work, port->receive(now));
        }
        return work;
    }

    backend::Work transmit(time::Instant now) noexcept {
        backend::Work work = backend::Work::none;
        for (const auto& port : ports_) {
            const FramesOf here(*port);
            work = std::max(work, port->transmit(now));
        }
        return work;
    }

    [[nodiscard]] time::Instant next_deadline() noexcept {
        return earliest([](Child& port) { return port.next_deadline(); });
    }
    [[nodiscard]] time::Instant outside_deadline() noexcept {
        return earliest([](Child& port) { return port.outside_deadline(); });
    }
    // One that is armed for nothing is looked at in the next turn like all others.
    bool arm() noexcept {
        return std::all_of(ports_.begin(), ports_.end(), [](const auto& port) { return port->arm(); });
    }
    // Each port takes in what woke it, as its own park does, without waiting. The stacks' timers are in `wake_at`,
    // which the loop may have put off; a port that has to be looked at is not.
    void park(time::Instant wake_at) noexcept {
        parking_.wait(std::min(wake_at, earliest([](Child& port) { return port.port().next_deadline(); })));
        for (const auto& port : ports_) port->park(time::Instant{});
    }
    void unpark() noexcept { ports_.front()->unpark(); }
    /// -1 where that of a port is.
    [[nodiscard]] int wake_fd() const noexcept { return ports_.front()->wake_fd() < 0 ? -1 : parking_.fd(); }

    /// Makes this core's services the thread's own while it lives.
    class Installed {
    public:
        explicit Installed(PortsDriver& driver) noexcept
            : first_(*driver.ports_.front()), sockets_(std::exchange(backend::current_sockets, &driver.sockets_)) {}
        ~Installed() { backend::current_sockets = sockets_; }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        typename Child::Installed first_;
        backend::SocketFactory* sockets_;
    };
    Installed install() noexcept { return Installed(*this); }

    [[nodiscard]] std::size_t count() const noexcept { return ports_.size(); }
    [[nodiscard]] Child& port(std::size_t at) noexcept { return *ports_[at]; }

private:
    /// What is dropped while a port is polled goes straight back to its frames.
    class FramesOf {
    public:
        explicit FramesOf(Child& port) noexcept
            : frames_(std::exchange(backend::current_frames, &port.port().frames())) {}
        ~FramesOf() { backend::current_frames = frames_; }
        FramesOf(const FramesOf&) = delete;
        FramesOf& operator=(const FramesOf&) = delete;

    private:
        backend::FrameCache* frames_;
    };

    [[nodiscard]] static std::vector<Sockets*> sockets_of(const std::vector<std::unique_ptr<Child>>& ports) {
        std::vector<Sockets*> sockets;
        for (const auto& port : ports) sockets.push_back(&port->sockets());
        return sockets;
    }

    template <class When>
    [[nodiscard]] time::Instant earliest(When when) noexcept {
        time::Instant first = time::Instant::max();
        for (const auto& port : ports_) first = std::min(first, when(*port));
        return first;
    }

    std::vector<std::unique_ptr<Child>> ports_;
    PortsSockets sockets_;
    PortsParking parking_;
};

/// As of one driver, for each port in turn while all of them are polled.
template <backend::FramePort Port>
[[nodiscard]] Result<std::string, backend::SetupError> wait_for_addresses(PortsDriver<Port>& driver) {
    std::string text;
    for (std::size_t at = 0; at < driver.count(); ++at) {
        auto found = wait_for_addresses(driver, driver.port(at).stack());
        if (!found)
            return Unexpected(
                backend::SetupError{"port " + std::to_string(at + 1) + ": " + std::move(found).error().message});
        if (!found->empty()) text += (text.empty() ? "" : "; ") + *found;
    }
    return text;
}

}  // namespace skerry::stack
