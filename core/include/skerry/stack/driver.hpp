#pragma once

// Hot path. What a core polls when it runs our own stack: the port, the stack, its sockets. Each backend compiles it
// with its own port.

#include "port_edge.hpp"
#include "sockets.hpp"
#include "stack.hpp"
#include "start_wait.hpp"

#include "../backend/driver.hpp"
#include "../backend/frame_port.hpp"
#include "../backend/slow_lane.hpp"
#include "../base/compiler.hpp"
#include "../trace/capture.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace skerry::stack {

/// `config` says what the port does not know: addresses and limits.
template <backend::FramePort Port>
class Driver {
public:
    static constexpr std::int64_t busy_poll_interval_ns = Port::busy_poll_interval_ns;
    static constexpr std::size_t burst_frames = 32;

    /// `port_arguments` make the port, which stays where it is.
    template <class... Args>
    Driver(const StackConfig& config, std::uint16_t home, Args&&... port_arguments)
        : port_(std::forward<Args>(port_arguments)...),
          stack_(with_port(config), port_.frames(), time::Instant::now()),
          sockets_(stack_, home),
          edge_(config.vlan != 0 ? std::make_unique<PortEdge>(config.vlan) : nullptr) {
        if (CoreSteering* const steering = stack_.steering(); steering != nullptr)
            steering->set_waker([](void* self) noexcept { static_cast<Driver*>(self)->unpark(); }, this);
    }
    ~Driver() {
        if (stack_.dhcp() != nullptr) give_address_back();
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    backend::Work receive(time::Instant now) noexcept {
        sockets_.set_now(now);
        std::array<Frame*, burst_frames> burst;
        const std::size_t came = port_.receive(burst, now);
        std::size_t count = came;
        if (edge_ != nullptr) [[unlikely]]
            count = edge_->received(std::span(burst).first(came), stack_.link());
        if constexpr (requires { port_.is_lost(); }) {
            if (port_.is_lost()) [[unlikely]]
                lose(now);
        }
        if (count != 0 || stack_.has_looped()) stack_.input(std::span(burst).first(count), now);
        has_more_ = came == burst_frames || stack_.has_looped();
        const bool from_cores = stack_.steering() != nullptr && receive_steered(now);
        return has_more_ ? backend::Work::more : came != 0 || from_cores ? backend::Work::some : backend::Work::none;
    }

    backend::Work transmit(time::Instant now) noexcept {
        // What the tasks sent to ourselves needs no port. Waiting for the next receive() would make it slower than a
        // packet from outside, and busy tasks put that off.
        if (stack_.has_looped()) stack_.input({}, now, time::Instant::now());
        stack_.advance(now);
        // Here too: when a runtime ends nothing is received any more, and others still say that they close.
        if (stack_.steering() != nullptr && stack_.steering()->has_arrived()) (void)take_for_wire();
        const bool has_backlog = !stack_.backlog().empty();
        if (has_backlog) send_backlog(now);
        if (stack_.steering() != nullptr) stack_.steering()->flush();
        return has_backlog ? backend::Work::some : backend::Work::none;
    }

    [[nodiscard]] time::Instant next_deadline() noexcept {
        return std::min({stack_.next_deadline(), port_.next_deadline(), retry_});
    }
    /// The same for a loop outside, which waits for wake_fd() and not in park().
    [[nodiscard]] time::Instant outside_deadline() noexcept {
        if constexpr (requires { port_.outside_deadline(); })
            return std::min(next_deadline(), port_.outside_deadline());
        else
            return next_deadline();
    }
    bool arm() noexcept {
        if (has_more_ || stack_.has_looped()) return false;
        return (stack_.steering() == nullptr || stack_.steering()->arm(takes_for_wire())) && port_.arm();
    }
    void park(time::Instant wake_at) noexcept { port_.park(wake_at); }
    void unpark() noexcept { port_.unpark(); }
    [[nodiscard]] int wake_fd() const noexcept { return port_.wake_fd(); }

    /// Makes this core's services the thread's own while it lives.
    class Installed {
    public:
        explicit Installed(Driver& driver) noexcept
            : sockets_(std::exchange(backend::current_sockets, &driver.sockets_)),
              slow_lane_(std::exchange(backend::current_slow_lane, driver.port_.slow_lane())),
              frames_(std::exchange(backend::current_frames, &driver.port_.frames())) {}
        ~Installed() {
            backend::current_sockets = sockets_;
            backend::current_slow_lane = slow_lane_;
            backend::current_frames = frames_;
        }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        backend::SocketFactory* sockets_;
        backend::SlowLane* slow_lane_;
        backend::FrameCache* frames_;
    };
    Installed install() noexcept { return Installed(*this); }

    /// Records what passes the port, when there is a capture, as an interface of that name. Before the core runs.
    void begin_capture(trace::Capture* capture, std::string name) {
        if (capture == nullptr) return;
        if (edge_ == nullptr) edge_ = std::make_unique<PortEdge>(std::uint16_t{0});
        edge_->set_capture(capture->add_tap(std::move(name)));
    }

    [[nodiscard]] Port& port() noexcept { return port_; }
    [[nodiscard]] Stack& stack() noexcept { return stack_; }
    [[nodiscard]] Sockets& sockets() noexcept { return sockets_; }

private:
    // A port that takes nothing now has no way to say when it does: it is asked after 50 us, and twice as long after
    // each time that it took nothing. Its link may be down for hours.
    static constexpr std::chrono::nanoseconds retry_soon = std::chrono::microseconds{50};
    static constexpr std::chrono::nanoseconds retry_late = std::chrono::milliseconds{10};
    static_assert(burst_frames <= Link::for_others_burst && burst_frames <= PortEdge::burst_max);

    [[nodiscard]] StackConfig with_port(StackConfig config) noexcept {
        const backend::PortInfo info = port_.info();
        config.mac.octets = info.mac;
        config.mtu = info.mtu;
        // A port finishes sums where untagged frames have them.
        config.checksums_sent = info.checksums_sent && config.vlan == 0;
        return config;
    }

    /// What other cores have for this one, and what those without a queue want to send. True when there was something.
    bool receive_steered(time::Instant now) noexcept {
        CoreSteering& steering = *stack_.steering();
        bool any = false;
        if (steering.has_arrived()) {
            std::array<Frame*, burst_frames> burst;
            const std::size_t count = steering.receive(burst);
            stack_.input_steered(std::span(burst).first(count), now);
            has_more_ = has_more_ || count == burst_frames || stack_.has_looped();
            any = take_for_wire() || count != 0;
        }
        steering.flush();  // before the tasks run, which may take long
        return any;
    }

    [[nodiscard]] bool takes_for_wire() noexcept { return stack_.backlog().size() < Link::for_others_before; }

    /// What cores without a queue want to send. True when there was something.
    bool take_for_wire() noexcept {
        std::array<Frame*, burst_frames> burst;
        bool any = false;
        std::size_t count = burst_frames;
        while (count == burst_frames && takes_for_wire()) {
            count = stack_.steering()->receive_for_wire(burst);
            for (std::size_t i = 0; i < count; ++i) stack_.backlog().push(*burst[i]);
            any |= count != 0;
        }
        return any;
    }

    void send_backlog(time::Instant now) noexcept {
        const bool has_queue = stack_.steering() == nullptr || stack_.steering()->has_queue();
        if (has_queue) {
            while (send_burst(now)) {
            }
        } else {
            send_by_another_core();
        }
        retry_ = stack_.backlog().empty() ? time::Instant::max() : retry_time(now);
        sockets_.on_transmitted();
    }

    /// When the port is asked again that left something. The wait grows where it is over and the same packet is still
    /// the first, and not with every turn meanwhile.
    [[nodiscard]] SKERRY_COLD time::Instant retry_time(time::Instant now) noexcept {
        const Frame* const first = stack_.backlog().front();
        if (retry_ == time::Instant::max() || stuck_ != first)
            retry_after_ = retry_soon;
        else if (now < retry_)
            return retry_;
        else
            retry_after_ = std::min(retry_after_ * 2, retry_late);
        stuck_ = first;
        return now + retry_after_;
    }

    void send_by_another_core() noexcept {
        Backlog& backlog = stack_.backlog();
        while (!backlog.empty() && stack_.steering()->send(*backlog.front())) backlog.forget(1);
    }

    // Its server may have to be asked for by ARP first. One that has gone meanwhile is not waited for: a lease that
    // nobody gives back ends too.
    SKERRY_COLD void give_address_back() noexcept {
        if (is_lost_ || !stack_.give_address_back(time::Instant::now())) return;
        (void)poll_until(*this, std::chrono::milliseconds{200},
                         [this] { return stack_.backlog().empty() && stack_.neighbours().waiting() == 0; });
    }

    SKERRY_COLD void lose(time::Instant now) noexcept {
        if (std::exchange(is_lost_, true)) return;
        sockets_.lose(Errc::device_gone);
        stack_.input({}, now);  // tells those who wait
    }

    /// False when nothing is left, or the port takes no more.
    bool send_burst(time::Instant now) noexcept {
        Backlog& backlog = stack_.backlog();
        const std::span<Frame*> burst = backlog.oldest(burst_frames);
        const std::size_t sent = edge_ == nullptr ? port_.transmit(burst) : send_by_edge(burst, now);
        backlog.forget(sent);
        return sent == burst.size() && !backlog.empty();
    }

    SKERRY_COLD std::size_t send_by_edge(std::span<Frame*> burst, time::Instant now) noexcept {
        edge_->leaving(burst, now);
        const std::size_t sent = port_.transmit(burst);
        edge_->left(burst, sent);
        return sent;
    }

    Port port_;
    Stack stack_;
    Sockets sockets_;
    time::Instant retry_ = time::Instant::max();
    std::chrono::nanoseconds retry_after_ = retry_soon;
    const Frame* stuck_ = nullptr;  // the first that the port did not take, compared only
    std::unique_ptr<PortEdge> edge_;  // null: nothing stands between port and stack
    bool has_more_ = false;
    bool is_lost_ = false;
};

}  // namespace skerry::stack
