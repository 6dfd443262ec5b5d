#pragma once

// Connections that peers begin: listeners, and the handshakes under way. A SYN costs 96 bytes and no frame until the
// final acknowledgement comes; a Tcb is made then. Past the limit of handshakes it costs nothing: syn_cookie.hpp.

#include "output.hpp"
#include "receiver.hpp"
#include "sender.hpp"

#include "../../base/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace skerry::stack::tcp {

class PassiveOpen {
public:
    PassiveOpen(Shared& shared, Output& output, Sender& sender, Receiver& receiver);
    PassiveOpen(const PassiveOpen&) = delete;
    PassiveOpen& operator=(const PassiveOpen&) = delete;

    /// Gives the acceptor its port; 0 takes a free one. `shared`: other cores may listen there too, if they share it.
    ///
    /// Errors: address_in_use; address_not_available, for an address that is not ours.
    [[nodiscard]] Result<> listen(Acceptor& acceptor, wire::Ipv4Addr local, std::uint16_t port, std::size_t backlog,
                                  bool shared) noexcept;
    /// From now on other cores may listen there too, if they share it.
    void share(const Acceptor& acceptor) noexcept;
    /// Takes the port back and forgets the handshakes. Connections that wait in it are the caller's to end, before.
    void close(Acceptor& acceptor) noexcept;
    /// See Udp.
    void leave_address(wire::Ipv4Addr own) noexcept;
    [[nodiscard]] bool is_taken(wire::Ipv4Addr local, std::uint16_t port, bool v6_only = false) const noexcept;
    /// Whether somebody listens there who would take one more.
    [[nodiscard]] bool has_room(wire::Ipv4Addr local, std::uint16_t port) const noexcept;

    /// A segment of no connection. `isn` is where the numbers of a new one begin, if that is decided already; `place`
    /// is whose place in the table of connections it gets when nothing is dropped, if somebody leaves it one. When it
    /// ends a handshake that nobody kept, `made` is the connection, which has still to see the segment.
    [[nodiscard]] Drop input(const Segment& segment, std::optional<std::uint32_t> isn, Tcb*& made,
                             std::uint32_t place = FlowTable::none) noexcept;

    /// A segment of a handshake. When that is over, `made` is the connection, which has still to see the segment.
    [[nodiscard]] Drop input(HalfOpen& half_open, const Segment& segment, Tcb*& made) noexcept;

    /// Calls `with` for each that listens, one after the other.
    template <class F>
    void each_acceptor(F with) {
        for (std::size_t port = 0; port < ports; ++port)
            for (Acceptor* each = by_port_[port]; each != nullptr; each = each->next_on_port_) with(*each);
    }
    /// Forgets the handshakes of an acceptor at an address.
    void lose(Acceptor& acceptor, wire::Ipv4Addr local) noexcept;

    [[nodiscard]] const CookieCounts& cookies() const noexcept { return cookie_counts_; }

private:
    static constexpr std::size_t ports = 65'536;

    [[nodiscard]] Acceptor* find(wire::Ipv4Addr local, std::uint16_t port) const noexcept;
    [[nodiscard]] bool take(Acceptor& acceptor, wire::Ipv4Addr local, std::uint16_t port, bool shared) noexcept;
    void release(const Acceptor& acceptor) noexcept;
    [[nodiscard]] Drop begin(Acceptor& acceptor, const Segment& segment, std::optional<std::uint32_t> isn,
                             std::uint32_t place) noexcept;
    [[nodiscard]] bool enter(const HalfOpen& half_open, std::uint32_t place) noexcept;
    [[nodiscard]] Tcb* complete(HalfOpen& half_open, const Segment& segment) noexcept;
    void agree(HalfOpen& half_open, Acceptor& acceptor, const Segment& segment) noexcept;
    void start(Tcb& tcb, const HalfOpen& half_open, const Segment& segment) noexcept;
    [[nodiscard]] Drop answer_by_cookie(Acceptor& acceptor, const Segment& segment) noexcept;
    [[nodiscard]] std::optional<CookieTerms> read_cookie(const Acceptor& acceptor, const Segment& segment,
                                                         std::uint32_t irs) const noexcept;
    [[nodiscard]] Drop take_cookie(Acceptor& acceptor, const Segment& segment, Tcb*& made) noexcept;
    [[nodiscard]] bool is_of_earlier_cookie(HalfOpen& half_open, const Segment& segment) noexcept;
    void measure(Tcb& tcb, const HalfOpen& half_open, const Segment& segment) noexcept;
    void send_again_later(HalfOpen& half_open, time::Instant now) noexcept;
    void forget(HalfOpen& half_open) noexcept;
    void free(HalfOpen& half_open) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    Shared& shared_;
    Output& output_;
    Sender& sender_;
    Receiver& receiver_;
    CookieMint mint_;
    CookieCounts cookie_counts_;
    std::unique_ptr<Acceptor*[], void (*)(void*)> by_port_;
};

}  // namespace skerry::stack::tcp
