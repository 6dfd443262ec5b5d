#pragma once

// What a script says little of and packets need: who talks to whom, and by which numbers. A script counts a
// connection's bytes from 0 and has timestamps of its own choice; on the wire there are the numbers that the machine
// chose. What the script's side of the wire chooses travels as it is written.

#include "../syntax/position.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace skerry::pkt {

struct LivePacket;

struct Flow {
    enum class State : std::uint8_t {
        fresh,       ///< a socket, and no more
        listening,
        connecting,  ///< connect() was called and no packet seen; its port is not known yet
        known,       ///< both ends are
    };

    State state = State::fresh;
    std::uint8_t protocol = 0;
    net::SocketAddr local;   ///< the machine's end
    net::SocketAddr remote;  ///< the script's
    std::optional<int> live_fd;

    /// What the machine's numbers are above the script's; nothing until its first SYN.
    std::optional<std::uint32_t> seq_offset;

    /// The script has begun again: the next SYN-ACK says where the machine's numbers begin anew.
    bool begins_again = false;
    std::optional<std::uint32_t> syn_seq;  ///< of the script's last SYN

    /// The machine's number for one of the script's, and back.
    [[nodiscard]] std::uint32_t to_live(std::uint32_t script) const { return script + seq_offset.value_or(0); }
    [[nodiscard]] std::uint32_t to_script(std::uint32_t live) const { return live - seq_offset.value_or(0); }

    /// Which of the machine's timestamps a script's stands for: that of the last segment that was expected with it.
    std::map<std::uint32_t, std::uint32_t> stamps;
    /// Of the first one: the script's, and the machine's.
    struct FirstStamp {
        std::uint32_t script = 0;
        std::uint32_t live = 0;
    };
    std::optional<FirstStamp> first_stamp;
    void note_stamp(std::uint32_t script, std::uint32_t live);
    /// The script sends a SYN without ACK: with another number than its last one it is of another connection.
    void note_syn(std::uint32_t seq);
};

/// All flows of a script, and which one its packets are about: that of the socket made last, or of the connection that
/// came last.
class Flows {
public:
    /// A flow of a new socket, which packets are about from now on.
    Flow& add(std::uint8_t protocol, const net::SocketAddr& local, const net::SocketAddr& remote);
    /// The child of one that listens, or a stranger: its packets come to `local` from a port of their own, or the one
    /// named.
    Flow& add_peer(const net::SocketAddr& local, const net::IpAddr& remote, std::optional<std::uint16_t> port);

    [[nodiscard]] Flow* current() { return current_; }
    void set_current(Flow& flow) { current_ = &flow; }
    [[nodiscard]] Flow* of_fd(int live_fd);
    /// Of these two ends.
    [[nodiscard]] Flow* find(std::uint8_t protocol, const net::SocketAddr& local, const net::SocketAddr& remote);
    /// Whose packet the machine sent; null for one that no flow is about. One that connects learns its port.
    [[nodiscard]] Flow* sender_of(const LivePacket& packet);

private:
    std::deque<Flow> flows_;  // which stay where they are
    Flow* current_ = nullptr;
    std::uint16_t next_port_ = 49'152;
};

}  // namespace skerry::pkt
