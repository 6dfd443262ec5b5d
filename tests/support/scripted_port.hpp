#pragma once

// A port in memory: a test says what comes, and looks at what has left.

#include "support/quiet_port.hpp"
#include "support/stack_host.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace skerry::tests {

/// Hands out what the test gives it, and takes as many frames at once as it may.
class ScriptedPort : public QuietPort {
public:
    ScriptedPort() : QuietPort(host_mac.octets) {}

    std::size_t receive(std::span<backend::Frame*> out, time::Instant now) noexcept {
        std::size_t count = 0;
        for (; count < out.size() && !arriving.empty(); ++count) {
            backend::Frame* const frame = frames().allocate();
            std::memcpy(frame->data, arriving.front().data(), arriving.front().size());
            frame->length = static_cast<std::uint16_t>(arriving.front().size());
            frame->rx_time_ns = now.as_nanos();
            if (stripped) {
                frame->flags = backend::frame_flag::has_vlan;
                frame->vlan = *stripped;
            }
            out[count] = frame;
            arriving.erase(arriving.begin());
        }
        return count;
    }
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept {
        const std::size_t count = std::min(packets.size(), takes);
        for (backend::Frame* const packet : packets.first(count)) {
            sent.emplace_back(packet->bytes().begin(), packet->bytes().end());
            packet->drop();
        }
        return count;
    }

    std::vector<Bytes> arriving;
    std::vector<Bytes> sent;
    std::size_t takes = 32;
    std::optional<std::uint16_t> stripped;  ///< the tag that it says it took off each
};

/// One that finishes checksums.
class SumsPort : public ScriptedPort {
public:
    [[nodiscard]] backend::PortInfo info() const noexcept {
        backend::PortInfo info = QuietPort::info();
        info.checksums_sent = true;
        return info;
    }
};

}  // namespace skerry::tests
