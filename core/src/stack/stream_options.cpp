// The options of a TCP connection of our stack, and what of them a socket may be asked for before it has one.

#include "stream_socket.hpp"

#include <skerry/backend/stream_setup.hpp>

#include <algorithm>
#include <cstdint>

namespace skerry::stack {

using backend::SocketOption;
using backend::StreamSocket;

namespace {

std::uint32_t buffer_bytes(int asked) noexcept {
    constexpr std::uint32_t least = 4096;
    constexpr std::uint32_t most = 4U << 20U;
    return std::clamp(static_cast<std::uint32_t>(asked), least, most);
}

// A connection that has begun keeps to them: what it knows of its losses is in their terms.
bool is_of_beginning(SocketOption option) noexcept {
    return option == SocketOption::rack || option == SocketOption::tail_probe ||
           option == SocketOption::proportional_rate;
}

}  // namespace

Errc Sockets::Stream::check_option(SocketOption option, int value) noexcept {
    constexpr int times_max = 32'767;  // as Linux's
    constexpr int count_max = 127;
    const auto allow = [](bool is_allowed) { return is_allowed ? Errc::ok : Errc::invalid_argument; };
    switch (option) {
        case SocketOption::no_delay:
        case SocketOption::cork:
        case SocketOption::quick_ack:
        case SocketOption::rack:
        case SocketOption::tail_probe:
        case SocketOption::proportional_rate:
        case SocketOption::keep_alive: return Errc::ok;
        case SocketOption::keep_alive_idle_s:
        case SocketOption::keep_alive_interval_s: return allow(value >= 1 && value <= times_max);
        case SocketOption::keep_alive_count: return allow(value >= 1 && value <= count_max);
        case SocketOption::user_timeout_ms:
        case SocketOption::send_buffer_bytes:
        case SocketOption::receive_buffer_bytes: return allow(value >= 0);
        case SocketOption::congestion_control: {
            const auto algorithm = backend::to_congestion_control(value);
            if (!algorithm) return Errc::not_found;
            return tcp::is_known(*algorithm) ? Errc::ok : Errc::unsupported;
        }
        case SocketOption::linger_s: return value > 0 ? Errc::unsupported : Errc::ok;
        case SocketOption::ttl: return allow(value >= 1 && value <= 255);
        case SocketOption::traffic_class: return allow(value >= 0 && value <= 255);
        default: return Errc::unsupported;
    }
}

Errc Sockets::Stream::check_setup(const backend::StreamSetup& setup) noexcept {
    if (!setup.device.empty()) return Errc::unsupported;  // there is one port, and it has no name
    const auto checked = setup.options.apply([](SocketOption option, int value) -> Result<> {
        if (const Errc wrong = check_option(option, value); wrong != Errc::ok) return wrong;
        return {};
    });
    return checked ? Errc::ok : checked.error().code();
}

// The two low bits of the traffic class are ECN's, which is TCP's own business: Linux takes them from no program
// either.
IpMarks Sockets::Stream::with_mark(IpMarks marks, SocketOption option, int value) noexcept {
    constexpr int ecn_bits = 3;
    if (option == SocketOption::ttl) marks.ttl = static_cast<std::uint8_t>(value);
    if (option == SocketOption::traffic_class) marks.traffic_class = static_cast<std::uint8_t>(value & ~ecn_bits);
    return marks;
}

tcp::Opening Sockets::Stream::opening_of(const backend::OptionSet& options) noexcept {
    tcp::Opening opening;
    for (const SocketOption option : {SocketOption::ttl, SocketOption::traffic_class})
        if (const auto value = options.get(option)) opening.marks = with_mark(opening.marks, option, *value);
    if (const auto asked = options.get(SocketOption::receive_buffer_bytes))
        opening.receive_buffer_bytes = buffer_bytes(*asked);
    if (const auto asked = options.get(SocketOption::send_buffer_bytes))
        opening.send_buffer_bytes = buffer_bytes(*asked);
    if (const auto asked = options.get(SocketOption::rack))
        opening.loss_detection = *asked != 0 ? LossDetection::rack : LossDetection::rfc6675;
    if (const auto asked = options.get(SocketOption::tail_probe)) opening.tail_probe = *asked != 0;
    if (const auto asked = options.get(SocketOption::proportional_rate)) opening.proportional_rate = *asked != 0;
    return opening;
}

void Sockets::Stream::set_all(const backend::OptionSet& options) noexcept {
    (void)options.apply([this](SocketOption option, int value) -> Result<> {
        set(option, value);
        return {};
    });
}

void Sockets::Stream::set(SocketOption option, int value) noexcept {
    switch (option) {
        case SocketOption::no_delay: return tcp().set_no_delay(*tcb, value != 0, sockets_->now_);
        case SocketOption::cork: return tcp().set_cork(*tcb, value != 0, sockets_->now_);
        case SocketOption::quick_ack: return tcp().set_quick_ack(*tcb, value != 0);
        case SocketOption::user_timeout_ms: tcb->user_timeout_ms = static_cast<std::uint32_t>(value); return;
        case SocketOption::linger_s: tcb->resets_on_close = value == 0; return;
        case SocketOption::send_buffer_bytes: return tcp().set_send_buffer(*tcb, buffer_bytes(value));
        case SocketOption::receive_buffer_bytes:
            // What the window can say is a limit too: without scaling 64 KiB. A smaller buffer takes nothing back.
            return tcp().set_receive_buffer(*tcb,
                                            std::min(buffer_bytes(value), std::uint32_t{0xffff} << tcb->receive_scale));
        case SocketOption::congestion_control: return tcp().set_congestion(*tcb, backend::CongestionControl(value));
        case SocketOption::ttl:
        case SocketOption::traffic_class: return tcb->mark(with_mark(tcb->marks, option, value));
        case SocketOption::keep_alive: tcb->keep_alive = value != 0; break;
        case SocketOption::keep_alive_idle_s: tcb->keep_alive_idle_s = static_cast<std::uint16_t>(value); break;
        case SocketOption::keep_alive_interval_s: tcb->keep_alive_interval_s = static_cast<std::uint16_t>(value); break;
        case SocketOption::keep_alive_count: tcb->keep_alive_count = static_cast<std::uint8_t>(value); break;
        default: return;
    }
    tcp().restart_keep_alive(*tcb, sockets_->now_);
}

Result<int> Sockets::Stream::get(SocketOption option) const noexcept {
    switch (option) {
        case SocketOption::no_delay: return tcb->no_delay ? 1 : 0;
        case SocketOption::cork: return tcb->is_corked ? 1 : 0;
        case SocketOption::quick_ack: return tcb->quick_ack ? 1 : 0;
        case SocketOption::keep_alive: return tcb->keep_alive ? 1 : 0;
        case SocketOption::keep_alive_idle_s: return int{tcb->keep_alive_idle_s};
        case SocketOption::keep_alive_interval_s: return int{tcb->keep_alive_interval_s};
        case SocketOption::keep_alive_count: return int{tcb->keep_alive_count};
        case SocketOption::user_timeout_ms: return static_cast<int>(tcb->user_timeout_ms);
        case SocketOption::congestion_control: return static_cast<int>(tcb->congestion.algorithm());
        case SocketOption::rack: return tcb->uses_rack ? 1 : 0;
        case SocketOption::tail_probe: return tcb->probes_tail ? 1 : 0;
        case SocketOption::proportional_rate: return tcb->has_rate ? 1 : 0;
        case SocketOption::ttl: return int{tcb->marks.ttl};
        case SocketOption::traffic_class: return int{tcb->marks.traffic_class};
        case SocketOption::linger_s: return tcb->resets_on_close ? 0 : -1;
        case SocketOption::send_buffer_bytes: return static_cast<int>(tcb->send_limit);
        case SocketOption::receive_buffer_bytes: return static_cast<int>(tcb->receive_limit);
        default: return Errc::unsupported;
    }
}

Result<> Sockets::Stream::set_option(StreamSocket& socket, SocketOption option, int value) noexcept {
    if (is_of_beginning(option)) return Errc::unsupported;
    if (const Errc wrong = check_option(option, value); wrong != Errc::ok) return wrong;
    static_cast<Stream&>(socket).set(option, value);
    return {};
}

Result<int> Sockets::Stream::get_option(StreamSocket& socket, SocketOption option) noexcept {
    return static_cast<Stream&>(socket).get(option);
}

}  // namespace skerry::stack
