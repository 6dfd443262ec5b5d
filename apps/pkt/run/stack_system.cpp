#include "stack_system.hpp"

#include <algorithm>

namespace skerry::pkt {

namespace {

class StackSystem final : public System {
public:
    explicit StackSystem(const MachineConfig& config) : start_(config.start), machine_(config) {}

    [[nodiscard]] time::Instant start() const override { return start_; }
    [[nodiscard]] time::Instant now() const override { return machine_.now(); }
    [[nodiscard]] bool is_virtual() const override { return true; }
    void pass(time::Instant until) override {
        const time::Instant next = std::max(machine_.next_deadline(), machine_.now());
        machine_.advance_to(std::min(next, until));
    }

    [[nodiscard]] std::optional<Unsupported> inject(std::span<const std::byte> packet) override {
        machine_.inject(packet);
        return {};
    }
    [[nodiscard]] std::vector<SentPacket> take_sent() override { return machine_.take_sent(); }

    [[nodiscard]] SocketCalls& calls() override { return machine_.calls(); }
    [[nodiscard]] std::vector<ConnectionView> connections() override { return machine_.connections(); }
    bool drop(const net::SocketAddr& local, const net::SocketAddr& remote) override {
        return machine_.drop(local, remote);
    }

    [[nodiscard]] std::optional<Unsupported> set(std::string_view name, std::string_view value) override {
        return machine_.set(name, value);
    }

private:
    time::Instant start_;
    Machine machine_;
};

}  // namespace

Result<std::unique_ptr<System>, Unsupported> make_stack_system(const SystemConfig& config) {
    const int bits_most = config.local.is_v4() ? 32 : 128;
    if (config.local.family() != config.gateway.family() || config.prefix_bits > bits_most)
        return Unexpected(unsupported("addresses of both families: a machine has one"));
    MachineConfig machine;
    machine.profile = config.profile;
    machine.local = config.local;
    machine.prefix_bits = config.prefix_bits;
    machine.gateway = config.gateway;
    machine.mtu = config.mtu;
    return std::unique_ptr<System>(std::make_unique<StackSystem>(machine));
}

}  // namespace skerry::pkt
