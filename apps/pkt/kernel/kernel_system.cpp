#include "kernel_system.hpp"

#include "bell.hpp"
#include "clock.hpp"
#include "connections.hpp"
#include "interface.hpp"
#include "kernel_calls.hpp"
#include "network_namespace.hpp"
#include "precedence.hpp"
#include "profile_settings.hpp"
#include "sysctl.hpp"
#include "wire.hpp"

#include <cstdint>
#include <utility>

namespace skerry::pkt {

namespace {

using namespace kernel;

class KernelSystem final : public System {
public:
    KernelSystem(NetworkNamespace home, Connections connections, OwnedFd device, net::IpFamily family)
        : home_(std::move(home)),
          connections_(std::move(connections)),
          wire_(std::move(device), family, bell_),
          calls_(std::in_place, home_, bell_),
          start_(present()) {}

    // Connections that a script has closed still say goodbye to somebody, and would keep the namespace for minutes.
    ~KernelSystem() override {
        calls_.reset();
        connections_.end_all();
    }

    [[nodiscard]] time::Instant start() const override { return start_; }
    [[nodiscard]] time::Instant now() const override { return present(); }
    [[nodiscard]] bool is_virtual() const override { return false; }

    // What rings between here and the last time has not been waited for: then this comes back at once.
    void pass(time::Instant until) override {
        bell_.wait(heard_, until);
        heard_ = bell_.rung();
        calls_->collect();
    }

    [[nodiscard]] std::optional<Unsupported> inject(std::span<const std::byte> packet) override {
        return wire_.inject(packet);
    }
    [[nodiscard]] std::vector<SentPacket> take_sent() override { return wire_.take_sent(); }

    [[nodiscard]] SocketCalls& calls() override { return *calls_; }
    [[nodiscard]] std::vector<ConnectionView> connections() override { return connections_.list(); }
    bool drop(const net::SocketAddr& local, const net::SocketAddr& remote) override {
        return connections_.end(local, remote);
    }

    [[nodiscard]] std::optional<Unsupported> set(std::string_view name, std::string_view value) override {
        std::optional<Unsupported> refused;
        home_.within([&] { refused = write_sysctl(name, value); });
        return refused;
    }

private:
    Precedence precedence_;  // first: the threads of the others inherit it
    NetworkNamespace home_;
    Bell bell_;
    Connections connections_;
    Wire wire_;
    std::optional<KernelCalls> calls_;
    time::Instant start_;
    std::uint64_t heard_ = 0;  // how often the bell was rung when time last went on
};

}  // namespace

Result<std::unique_ptr<System>, Unsupported> make_kernel_system(const SystemConfig& config) {
    if (config.profile != Profile::linux_like)
        return Unexpected(unsupported("the kernel is Linux, and the script is for another profile"));
    auto home = NetworkNamespace::make();
    if (!home) return Unexpected(std::move(home).error());
    Result<OwnedFd, Unsupported> device = OwnedFd();
    home->within([&] {
        apply_profile_settings();
        device = make_interface(config);
    });
    if (!device) return Unexpected(std::move(device).error());
    auto connections = Connections::open(*home);
    if (!connections) return Unexpected(std::move(connections).error());
    return std::unique_ptr<System>(std::make_unique<KernelSystem>(std::move(*home), std::move(*connections),
                                                                  std::move(*device), config.local.family()));
}

}  // namespace skerry::pkt
