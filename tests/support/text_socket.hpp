#pragma once

// A datagram socket of the stack whose datagrams are read as text.

#include <skerry/stack/udp.hpp>

#include <cstddef>
#include <string>

namespace skerry::tests {

struct TextSocket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
    /// The oldest datagram's text; "-" when there is none.
    std::string text() {
        const stack::UdpDatagram got = take();
        if (got.frame == nullptr) return "-";
        std::string text(reinterpret_cast<const char*>(got.frame->data), got.frame->length);
        got.frame->data[0] = std::byte{'!'};  // each may write to its own
        got.frame->drop();
        return text;
    }
};

}  // namespace skerry::tests
