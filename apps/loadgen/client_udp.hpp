#pragma once

// A UDP socket of the generator, connected to the server. A request begins with its own number, or with sockperf's
// header, and goes on with the socket's tag.

#include "client_link.hpp"
#include "protocol/numbered_message.hpp"

#include <skerry/net/udp_socket.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace skerry::loadgen {

class UdpLink : public LinkState {
public:
    /// `tag` tells this socket's requests from those of other sockets and of other runs.
    UdpLink(net::UdpSocket socket, CoreRun& core_run, std::uint64_t tag);

    /// One datagram: batches are of streams.
    [[nodiscard]] net::SendTo transmit(std::uint64_t number, std::size_t = 1) noexcept;
    [[nodiscard]] std::size_t batch_max() const noexcept { return 1; }
    /// True: no more can be sent. A refused datagram is a lost one, and the next may arrive.
    [[nodiscard]] bool send_failed(Error error);

    /// Asks the server for an answer, before the run.
    ///
    /// Errors: timed_out, when none comes within two seconds; io, when others come than were asked for;
    ///         connection_refused, when nobody has the port.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<>> probe();

    /// Takes answers until it is aborted.
    [[nodiscard]] Task<> receive();

private:
    [[nodiscard]] std::optional<std::uint64_t> number_of(std::span<const std::byte> datagram) const noexcept;

    net::UdpSocket socket_;
    NumberedMessage message_;
};

}  // namespace skerry::loadgen
