// Two stacks and a connection between them, over a link that the input spoils: it says which frames are lost, doubled,
// overtaken, damaged or cut, when the programs at both ends write, read and end, and how the time goes by. What is read
// is what was written, in order and once, whatever comes; and when the link is sound again all of it arrives, both ends
// end in order, and nothing is left.
//
// Damage is of one byte of a frame, which no checksum lets through; ARP has none, so its packets come as they are.

#include "fuzz.hpp"
#include "reader.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

using namespace skerry;
using namespace skerry::fuzz;
using stack::tcp::Tcp;
using stack::wire::Ipv4Addr;
using stack::wire::MacAddr;

namespace {

struct Frame {
    std::vector<std::byte> bytes;
    bool is_damaged = false;  // once: two changes may leave a checksum as it was
};

constexpr std::uint16_t port = 7000;
constexpr Ipv4Addr addresses[] = {Ipv4Addr::of(198, 18, 0, 1), Ipv4Addr::of(198, 18, 0, 2)};
constexpr MacAddr macs[] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
/// Shorter than what a SYN, its answer or data is sent for: nobody may give up.
constexpr std::chrono::seconds time_of_program{60};

stack::StackConfig config_of(std::size_t which) {
    stack::StackConfig config;
    config.mac = macs[which];
    config.address = addresses[which];
    config.seed = 7 + which;
    config.tcp.receive_buffer_bytes = 16 * 1024;
    config.tcp.send_buffer_bytes = 16 * 1024;
    config.tcp.reassembly_segments_max = 16;
    return config;
}

backend::HeapFramesOptions few_frames() {
    backend::HeapFramesOptions options;
    options.frames = 256;
    return options;
}

/// The byte at `offset` of what one end says.
std::byte said(std::size_t end, std::uint64_t offset) {
    return static_cast<std::byte>((offset * 0x9e37'79b9'7f4a'7c15U + end) >> 56U);
}

struct Listener final : stack::tcp::Acceptor {
    void on_ready() noexcept override {}
};

/// One end of the connection, its host, and what is on its way to it.
struct End final : stack::tcp::Endpoint {
    explicit End(std::size_t which, time::Instant now)
        : number(which), frames(few_frames()), stack(config_of(which), frames, now) {}
    void on_ready() noexcept override {}

    [[nodiscard]] bool is_there() const {
        return tcb != nullptr && tcb->state != stack::tcp::State::syn_sent &&
               tcb->state != stack::tcp::State::syn_received;
    }
    [[nodiscard]] bool is_over() const { return is_there() && Tcp::is_at_end(*tcb) && tcb->received_bytes == 0; }

    std::size_t number;
    backend::HeapFrames frames;
    stack::Stack stack;
    std::deque<Frame> coming;
    std::uint64_t written = 0;
    std::uint64_t read = 0;
    bool has_finished = false;
};

class Pair {
public:
    Pair() {
        require(ends_[1].stack.tcp().listen(listener_, stack::Hosts::any_v6, port, 4).has_value(), "the port is free");
        require(ends_[0].stack.tcp().connect(ends_[0], addresses[1], port, now_).has_value(), "there is memory");
        turn();
    }

    void step(Reader& in) {
        const std::uint8_t what = in.u8();
        End& end = ends_[what >> 7U];
        std::deque<Frame>& link = end.coming;
        switch (what % 12) {
            case 0:
            case 1: write(end, 1U + in.u16() % 4000U); break;
            case 2: read(end, 1U + in.u16() % 20'000U); break;
            case 3:
            case 4: deliver(end, 1U + in.u8() % 8U); break;
            case 5:
                if (!link.empty()) link.pop_front();
                break;
            case 6:
                if (!link.empty()) link.push_back(link.front());
                break;
            case 7:
                if (!link.empty()) std::rotate(link.begin(), link.begin() + 1, link.end());
                break;
            case 8: damage(link, in.u8(), in.u8()); break;
            case 9: cut(link, in.u8()); break;
            case 10: pass(std::chrono::microseconds{std::int64_t{1} << in.u8() % 24U}); break;
            default: call(end, in.u8()); break;
        }
        turn();
    }

    /// The link is sound from here on: everything arrives, and both ends end.
    void end() {
        for (int rounds = 0; !(ends_[0].is_over() && ends_[1].is_over()); ++rounds) {
            require(rounds < 20'000, "over a sound link everything arrives");
            for (End& each : ends_) {
                deliver(each, each.coming.size());
                turn();
                read(each, 1U << 20U);
                finish(each);
            }
            turn();
            if (ends_[0].coming.empty() && ends_[1].coming.empty()) wait();
        }
        require(ends_[0].read == ends_[1].written && ends_[1].read == ends_[0].written, "all that was written arrived");
        for (End& each : ends_) {
            require(Tcp::take_error(*each.tcb) == Errc::ok, "the connection ended in order");
            each.stack.tcp().close(each, now_);
        }
        ends_[1].stack.tcp().close(listener_, now_);
        settle();
        for (End& each : ends_) {
            const stack::tcp::Sizes sizes = each.stack.tcp().sizes();
            require(sizes.connections + sizes.half_open + sizes.time_wait == 0, "no connection is left");
            require(each.stack.tcp().frames_kept() == 0 && each.frames.out() == 0, "no frame is left");
        }
    }

private:
    static constexpr std::size_t link_frames_max = 64;

    void write(End& end, std::size_t most) {
        if (!end.is_there() || !Tcp::is_writable(*end.tcb)) return;
        std::array<std::byte, 4096> room{};
        for (std::size_t i = 0; i < most; ++i) room[i] = said(end.number, end.written + i);
        end.written += end.stack.tcp().write(*end.tcb, std::span(room).first(most), now_);
    }

    void read(End& end, std::size_t most) {
        if (!end.is_there()) return;
        std::array<std::byte, 4096> room{};
        while (most != 0) {
            const std::size_t count =
                end.stack.tcp().read(*end.tcb, std::span(room).first(std::min(most, room.size())), now_);
            if (count == 0) return;
            const End& peer = ends_[1 - end.number];
            require(end.read + count <= peer.written, "no more is read than was written");
            for (std::size_t i = 0; i < count; ++i)
                require(room[i] == said(peer.number, end.read + i), "what is read is what was written");
            end.read += count;
            most -= count;
        }
    }

    void finish(End& end) {
        if (!end.is_there() || end.has_finished) return;
        end.has_finished = true;
        (void)end.stack.tcp().finish(*end.tcb, now_);
    }

    void call(End& end, std::uint8_t what) {
        if (!end.is_there()) return;
        Tcp& tcp = end.stack.tcp();
        const bool is_on = (what & 1U) != 0;
        switch (what / 2 % 8) {
            case 0: return finish(end);
            case 1: return tcp.set_cork(*end.tcb, is_on, now_);
            case 2: return tcp.set_quick_ack(*end.tcb, is_on);
            case 3: return tcp.set_receive_buffer(*end.tcb, is_on ? 4096 : 32'768);
            default: return tcp.set_no_delay(*end.tcb, is_on, now_);
        }
    }

    static void damage(std::deque<Frame>& link, std::uint8_t where, std::uint8_t how) {
        const std::size_t at = stack::wire::ethernet_bytes;
        if (link.empty() || link.front().bytes.size() <= at || link.front().is_damaged) return;
        std::vector<std::byte>& bytes = link.front().bytes;
        bytes[at + where % (bytes.size() - at)] ^= static_cast<std::byte>(how);
        link.front().is_damaged = true;
    }
    static void cut(std::deque<Frame>& link, std::uint8_t off) {
        if (link.empty()) return;
        std::vector<std::byte>& bytes = link.front().bytes;
        bytes.resize(std::max<std::size_t>(stack::wire::ethernet_bytes,
                                           bytes.size() - std::min<std::size_t>(bytes.size(), 1U + off)));
    }

    void give(End& end, const std::vector<std::byte>& bytes) {
        stack::Frame* const frame = end.frames.allocate();
        require(frame != nullptr, "there is a frame to receive with");
        std::memcpy(frame->data, bytes.data(), bytes.size());
        frame->length = static_cast<std::uint16_t>(bytes.size());
        frame->checksum = backend::FrameChecksum::unknown;
        end.stack.input(std::span(&frame, 1), now_);
    }

    void deliver(End& end, std::size_t count) {
        for (; count != 0 && !end.coming.empty(); --count) {
            const Frame frame = std::move(end.coming.front());
            end.coming.pop_front();
            give(end, frame.bytes);
        }
    }

    /// What left goes on the link; beyond what that holds it is lost.
    void take(End& from) {
        End& to = ends_[1 - from.number];
        while (stack::Frame* const frame = from.stack.backlog().pop()) {
            std::vector<std::byte> bytes(frame->bytes().begin(), frame->bytes().end());
            frame->drop();
            stack::wire::EthernetHeader ethernet;
            require(parse(bytes, ethernet) == stack::Drop::none, "a frame that leaves is sound");
            if (ethernet.ether_type == stack::wire::ether_type::arp)
                give(to, bytes);
            else if (to.coming.size() < link_frames_max)
                to.coming.push_back({std::move(bytes)});
        }
    }

    void turn() {
        if (ends_[1].tcb == nullptr) (void)ends_[1].stack.tcp().accept(listener_, ends_[1]);
        for (End& each : ends_) each.stack.advance(now_);
        for (End& each : ends_) take(each);
        for (End& each : ends_) {  // what an answer of ARP let go
            each.stack.advance(now_);
            take(each);
        }
        for (const End& each : ends_)
            if (each.tcb != nullptr)
                require(each.tcb->received_bytes <= std::max<std::uint32_t>(each.tcb->receive_limit, 32'768),
                        "no more is kept unread than the window gave");
    }

    [[nodiscard]] time::Instant next_deadline() {
        return std::min(ends_[0].stack.next_deadline(), ends_[1].stack.next_deadline());
    }
    void wait() {
        const time::Instant next = next_deadline();
        require(next != time::Instant::max(), "what is not over has a time at which it goes on");
        now_ = std::max(now_, next);
        turn();
    }
    void pass(std::chrono::nanoseconds time) {
        time = std::min<std::chrono::nanoseconds>(time, time_left_);
        time_left_ -= time;
        const time::Instant end = now_ + time;
        for (int i = 0; i < 200 && next_deadline() < end; ++i) wait();
        now_ = end;
    }
    void settle() {
        for (int rounds = 0; next_deadline() != time::Instant::max(); ++rounds) {
            require(rounds < 20'000, "time ends everything");
            wait();
            for (End& each : ends_) deliver(each, each.coming.size());
            turn();
        }
    }

    time::Instant now_ = time::Instant::from_nanos(1'000'000'000);
    std::chrono::nanoseconds time_left_ = time_of_program;
    Listener listener_;
    std::array<End, 2> ends_{End{0, now_}, End{1, now_}};
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Reader in(bytes_of(data, size));
    Pair pair;
    for (int steps = 0; !in.is_empty() && steps < 400; ++steps) pair.step(in);
    pair.end();
    return 0;
}
