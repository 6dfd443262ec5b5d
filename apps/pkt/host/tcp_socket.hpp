#pragma once

// A TCP socket as POSIX has it, over a tcp::Endpoint or a tcp::Acceptor of the stack. What the stack does is its own;
// here is what lies between it and a program in a kernel: names before there is a connection, errors that are told
// once, directions that were shut. tcp_socket.cpp is its life, tcp_transfer.cpp the data, tcp_options.cpp the options.
//
// Source: Linux's net/ipv4/af_inet.c and tcp.c, FreeBSD's kern/uipc_socket.c and netinet/tcp_usrreq.c, for the order in
// which errors are looked at.

#include "description.hpp"
#include "family.hpp"
#include "tcp_wishes.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace skerry::pkt {

class TcpSocket final : public Description {
public:
    TcpSocket(SocketHome& home, Family family) : home_(home), family_(family), wishes_(home.defaults) {}
    /// Closes: what was written is still sent.
    ~TcpSocket() override;

    [[nodiscard]] std::uint32_t ready() override;
    Attempt bind(const net::SocketAddr& address) override;
    Attempt listen(int backlog) override;
    Attempt accept(std::shared_ptr<Description>& made) override;
    Attempt connect(const net::SocketAddr& to) override;
    Attempt connected() override;
    [[nodiscard]] bool is_connecting() const override { return is_connecting_; }
    Attempt receive(const ReceiveAsk& ask) override;
    Attempt send(const SendAsk& ask, bool has_waited) override;
    Attempt shutdown(int how) override;
    Attempt set_option(int level, int name, const OptionValue& value) override;
    Attempt get_option(int level, int name) override;
    Attempt local_address() override;
    Attempt peer_address() override;
    Attempt io_control(unsigned long request) override;
    [[nodiscard]] bool is_stream() const override { return true; }
    [[nodiscard]] std::string_view state_name() override;
    [[nodiscard]] std::optional<stack::tcp::Tuple> tuple() const override;

private:
    struct Link final : stack::tcp::Endpoint {
        explicit Link(TcpSocket& owner) : socket(owner) {}
        void on_ready() noexcept override { socket.on_link_ready(); }
        TcpSocket& socket;
    };
    struct Door final : stack::tcp::Acceptor {
        explicit Door(TcpSocket& owner) : socket(owner) {}
        void on_ready() noexcept override { ++socket.wakeups.in; }
        TcpSocket& socket;
    };

    [[nodiscard]] stack::tcp::Tcp& tcp() const { return home_.engine.tcp(); }
    [[nodiscard]] stack::tcp::Tcb* tcb() const { return link_ != nullptr ? link_->tcb : nullptr; }
    [[nodiscard]] bool is_freebsd() const { return home_.flavour == Flavour::freebsd; }

    [[nodiscard]] net::SocketAddr shown(stack::wire::Ipv4Addr host, std::uint16_t port) const {
        return {family_.shown(home_.engine.stack().hosts().ip(host)), port};
    }
    [[nodiscard]] static bool is_opening(const stack::tcp::Tcb& tcb) {
        return tcb.state == stack::tcp::State::syn_sent || tcb.state == stack::tcp::State::syn_received;
    }

    // The life of the socket.
    void on_link_ready();
    void note_progress(const stack::tcp::Tcb& tcb);
    [[nodiscard]] bool claim_port(stack::wire::Ipv4Addr local, std::uint16_t port);
    void claim_connection();
    void inherit(const TcpSocket& listener);
    Attempt begin_to_connect(const net::SocketAddr& to);
    Attempt connect_again();
    Attempt refuse_connect(Errc why);
    void drop_link();

    // The data.
    Attempt end_of_data(stack::tcp::Tcb& tcb);
    Attempt error_or(Error error, Attempt otherwise) const;
    Attempt send_unconnected();
    Attempt send_after_end(stack::tcp::Tcb& tcb);
    [[nodiscard]] bool has_ended_by_peer(const stack::tcp::Tcb& tcb) const;
    [[nodiscard]] bool has_room(stack::tcp::Tcb& tcb);
    [[nodiscard]] std::uint32_t ready_link(stack::tcp::Tcb& tcb);

    // The options.
    Attempt set_socket_option(int name, const OptionValue& value);
    Attempt set_tcp_option(int name, const OptionValue& value);
    Attempt set_mark(int level, int name, const OptionValue& value);
    Attempt set_v6_only(const OptionValue& value);
    Attempt set_linger(const Linger& linger);
    Attempt set_buffer(int name, int bytes);
    void set_buffer_of(stack::tcp::Tcb& tcb, int name, std::uint32_t bytes);
    Attempt set_segment_bytes(int bytes);
    void tell_door();
    Attempt set_keep_alive(int name, int value);
    Attempt wish(bool& place, bool value);
    Attempt wished();
    Attempt get_socket_option(int name);
    Attempt get_tcp_option(int name);
    Attempt get_error();
    Attempt get_buffer(int name) const;
    Attempt get_segment_bytes() const;
    Attempt get_congestion() const;

    SocketHome& home_;
    Family family_;
    TcpWishes wishes_;
    std::unique_ptr<Link> link_;  // from connect() or accept() on, also when its connection is over
    std::unique_ptr<Door> door_;  // from listen() on
    int backlog_ = 0;
    std::optional<TcpPorts::Place> claim_;
    bool is_bound_ = false;  // by bind(), or because a port was chosen for it
    bool is_connecting_ = false;  // connect() was begun and nobody was told how it ended
    bool is_wished_ = false;  // the connection is as wishes_ say
    bool is_read_shut_ = false;
    bool is_write_shut_ = false;
    bool waits_for_room_ = false;
    // What was last seen of the connection, to tell who is woken.
    std::uint32_t seen_rcv_nxt_ = 0;
    bool seen_fin_ = false;
    stack::tcp::State seen_state_ = stack::tcp::State::closed;
};

}  // namespace skerry::pkt
