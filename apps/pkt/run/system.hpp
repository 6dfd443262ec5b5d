#pragma once

// What a script runs against: a machine with sockets, whose one wire is the script's. Our stack on virtual time is one
// (stack_system.hpp), the kernel of the machine that this runs on another.

#include "../host/engine.hpp"
#include "../host/machine.hpp"
#include "../host/socket_calls.hpp"

#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt {

/// Threads: one.
class System {
public:
    System() = default;
    virtual ~System() = default;
    System(const System&) = delete;
    System& operator=(const System&) = delete;

    // --- time

    /// Where the script's time begins.
    [[nodiscard]] virtual time::Instant start() const = 0;
    [[nodiscard]] virtual time::Instant now() const = 0;
    /// Lets time go on until `until` or the next thing that may have happened, whichever is first.
    virtual void pass(time::Instant until) = 0;

    /// Whether time goes on only when it is let.
    [[nodiscard]] virtual bool is_virtual() const = 0;

    // --- the wire

    /// A packet comes now, IP header in front.
    ///
    /// Errors: a reason why it cannot.
    [[nodiscard]] virtual std::optional<Unsupported> inject(std::span<const std::byte> packet) = 0;
    /// What left since the last time, in order.
    [[nodiscard]] virtual std::vector<SentPacket> take_sent() = 0;

    // --- sockets, and looking in from outside

    [[nodiscard]] virtual SocketCalls& calls() = 0;
    [[nodiscard]] virtual std::vector<ConnectionView> connections() = 0;
    /// As tcpdrop does. False when there is no such connection.
    virtual bool drop(const net::SocketAddr& local, const net::SocketAddr& remote) = 0;

    // --- settings

    /// As sysctl does.
    ///
    /// Errors: a reason, and nothing is changed.
    [[nodiscard]] virtual std::optional<Unsupported> set(std::string_view name, std::string_view value) = 0;
};

/// What a script's options say of the machine.
struct SystemConfig {
    Profile profile = Profile::linux_like;
    net::IpAddr local;
    std::uint8_t prefix_bits = 16;
    net::IpAddr gateway;
    std::uint16_t mtu = 1500;
};

/// Makes a machine for one script, or says why it cannot.
using MakeSystem = std::function<Result<std::unique_ptr<System>, Unsupported>(const SystemConfig&)>;

}  // namespace skerry::pkt
