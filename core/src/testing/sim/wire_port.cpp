#include "wire_port.hpp"

#include <cstring>

namespace skerry::testing {

using backend::Frame;

std::size_t WirePort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    std::size_t count = 0;
    while (count < out.size()) {
        const WireFrame* const arrived = place_.wire->receive(place_.station, place_.pace->clock.now());
        if (arrived == nullptr) break;
        Frame* const frame = frames_.allocate();
        if (frame == nullptr || arrived->bytes.size() > frame->tailroom()) {  // as a NIC without descriptors
            place_.wire->count_no_frame();
            if (frame != nullptr) frame->drop();
            continue;
        }
        std::memcpy(frame->data, arrived->bytes.data(), arrived->bytes.size());
        frame->length = static_cast<std::uint16_t>(arrived->bytes.size());
        frame->set_arrival(now, 0);
        out[count++] = frame;
    }
    return count;
}

std::size_t WirePort::transmit(std::span<Frame*> packets) noexcept {
    const time::Instant now = place_.pace->clock.now();
    for (Frame* const packet : packets) {
        place_.wire->send(place_.station, packet->bytes(), now);
        packet->drop();
    }
    return packets.size();
}

backend::PortInfo WirePort::info() const noexcept {
    backend::PortInfo info;
    info.mac = FrameWire::mac_of(place_.station).octets;
    info.mtu = place_.mtu;
    return info;
}

}  // namespace skerry::testing
