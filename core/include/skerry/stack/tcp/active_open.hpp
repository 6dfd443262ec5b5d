#pragma once

// Connections that we begin: a random port, SYNs until something answers, and what an answer may be.

#include "output.hpp"
#include "passive_open.hpp"
#include "receiver.hpp"
#include "sender.hpp"
#include "time_wait.hpp"

#include "../../base/result.hpp"

#include <cstdint>

namespace skerry::stack::tcp {

/// How a connection begins, as far as its program cares: an unspecified address and port 0 are chosen for it.
struct LocalEnd {
    wire::Ipv4Addr address;
    std::uint16_t port = 0;
    std::uint32_t user_timeout_ms = 0;  ///< the SYNs too are given up then; 0: after the last of them
    Opening opening{};
};

class ActiveOpen {
public:
    ActiveOpen(Shared& shared, Output& output, Sender& sender, Receiver& receiver, const PassiveOpen& listeners,
               TimeWaits& time_waits) noexcept
        : shared_(shared),
          output_(output),
          sender_(sender),
          receiver_(receiver),
          listeners_(listeners),
          time_waits_(time_waits) {}

    /// Sends the first SYN.
    ///
    /// Errors: unreachable; address_in_use; no_memory; address_not_available, when every port is in use towards there,
    ///         `from` is not our address, or its port is one whose segments another core's queue gets.
    [[nodiscard]] Result<Tcb*> connect(wire::Ipv4Addr to, std::uint16_t port, time::Instant now,
                                       LocalEnd from) noexcept;

    /// A segment for a connection in SYN-SENT. `failure` is set when the connection has to be given up.
    [[nodiscard]] Drop input(Tcb& tcb, const Segment& segment, Errc& failure) noexcept;

    /// retransmit_at has come. False when the peer is given up.
    [[nodiscard]] bool on_timeout(Tcb& tcb, time::Instant now) noexcept;

private:
    [[nodiscard]] Result<Tcb*> connect_held(Tuple tuple, time::Instant now, const LocalEnd& from) noexcept;
    /// Whose the tuple is: nobody's, that of one in TIME-WAIT which may be followed, or another's.
    enum class Use : std::uint8_t { free, over, taken };
    [[nodiscard]] Use use_of(const Tuple& tuple, time::Instant now) const noexcept;
    /// Whether its segments come to this core, and no other core's listener has the port.
    [[nodiscard]] bool comes_home(const Tuple& tuple) const noexcept;
    /// Whether another core has it.
    [[nodiscard]] bool is_others(const Tuple& tuple) const noexcept;
    /// Sets the local port: `wanted`, or a free one when that is 0.
    [[nodiscard]] Errc choose_port(Tuple& tuple, std::uint16_t wanted, time::Instant now) noexcept;
    /// Enters the connection, and where its numbers and timestamps begin.
    [[nodiscard]] bool enter(Tcb& tcb, time::Instant now) noexcept;
    [[nodiscard]] std::int64_t given_up_at(const Tcb& tcb) const noexcept;
    void send_again_later(Tcb& tcb, time::Instant now) noexcept;
    void agree(Tcb& tcb, const Segment& segment) noexcept;
    void agree_on_ecn(Tcb& tcb, const Segment& segment) noexcept;

    Shared& shared_;
    Output& output_;
    Sender& sender_;
    Receiver& receiver_;
    const PassiveOpen& listeners_;
    TimeWaits& time_waits_;
};

}  // namespace skerry::stack::tcp
