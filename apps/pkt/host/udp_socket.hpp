#pragma once

// A UDP socket as POSIX has it, over the stack's UdpEndpoint.

#include "description.hpp"
#include "family.hpp"

#include <skerry/stack/udp.hpp>

#include <cstdint>

namespace skerry::pkt {

class UdpSocket final : public Description, private stack::UdpEndpoint {
public:
    UdpSocket(SocketHome& home, Family family) : home_(home), family_(family) {
        may_broadcast = false;
        v6_only = family.v6_only;
    }
    ~UdpSocket() override;

    [[nodiscard]] std::uint32_t ready() override;
    Attempt bind(const net::SocketAddr& address) override;
    Attempt listen(int) override { return failure(EOPNOTSUPP); }
    Attempt accept(std::shared_ptr<Description>&) override { return failure(EOPNOTSUPP); }
    Attempt connect(const net::SocketAddr& to) override;
    Attempt receive(const ReceiveAsk& ask) override;
    Attempt send(const SendAsk& ask, bool has_waited) override;
    Attempt shutdown(int how) override;
    Attempt set_option(int level, int name, const OptionValue& value) override;
    Attempt get_option(int level, int name) override;
    Attempt local_address() override;
    Attempt peer_address() override;
    Attempt io_control(unsigned long request) override;

private:
    void on_ready() noexcept override { ++wakeups.in; }

    [[nodiscard]] stack::Udp& udp() const { return home_.engine.udp(); }
    Attempt open(stack::wire::Ipv4Addr address, std::uint16_t wanted);
    /// Gives it a port, if it has none. A failure, or nothing.
    std::optional<Attempt> open_if_needed();
    Attempt take_error();
    Attempt set_mark(int level, int name, int value);
    void fetch();
    void drop_fetched();

    [[nodiscard]] net::SocketAddr shown(const net::IpAddr& ip, std::uint16_t at_port) const {
        return {family_.shown(ip), at_port};
    }
    [[nodiscard]] net::IpAddr ip(stack::wire::Ipv4Addr host) const { return home_.engine.stack().hosts().ip(host); }

    SocketHome& home_;
    Family family_;
    bool is_open_ = false;
    bool may_share_ = false;
    // The oldest, taken out of the stack's queue to be looked at; its frame is null when there is none.
    stack::UdpDatagram fetched_;
};

}  // namespace skerry::pkt
