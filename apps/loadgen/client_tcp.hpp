#pragma once

// A TCP connection of the generator. A request begins with its own number, as far as its size allows, and is filled
// with a byte of its connection. So an answer that came twice, late, or to somebody else does not pass for the one that
// is waited for.

#include "client_link.hpp"

#include <skerry/net/tcp_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace skerry::loadgen {

class TcpLink : public LinkState {
public:
    TcpLink(net::TcpStream stream, CoreRun& core_run, std::byte fill)
        : LinkState(core_run), stream_(std::move(stream)), payload_(core_run.settings.size, fill) {}

    [[nodiscard]] net::WriteAll transmit(std::uint64_t number) noexcept;
    /// True: no more can be sent.
    [[nodiscard]] bool send_failed(Error error) {
        close(error);
        return true;
    }

    /// Takes answers until the connection ends.
    [[nodiscard]] Task<> receive();

private:
    void take(std::span<const std::byte> data, Nanos at);
    void take_source(Nanos at);
    [[nodiscard]] bool is_expected(std::span<const std::byte> part) const noexcept;

    net::TcpStream stream_;
    std::vector<std::byte> payload_;
    std::uint64_t partial_bytes_ = 0;  // of the answer that is coming in
    bool damaged_ = false;  // it has a byte that was not sent
    Nanos last_chunk_{0};
};

}  // namespace skerry::loadgen
