#include <skerry/testing/frame_filter.hpp>

#include "sim/tcp_frame.hpp"

#include <skerry/stack/wire/addresses.hpp>
#include <skerry/stack/wire/tcp.hpp>

#include <map>
#include <tuple>
#include <utility>

namespace skerry::testing {

namespace {

using namespace stack::wire;

/// One direction of a connection: addresses and ports.
using Flow = std::tuple<Ipv6Addr, Ipv6Addr, std::uint32_t>;

/// Looks for the byte of each stream that is to be lost once.
class LosesData {
public:
    explicit LosesData(std::uint32_t stream_byte) : stream_byte_(stream_byte) {}

    Fate operator()(std::span<const std::byte> frame) {
        TcpFrame segment;
        if (!segment.read(frame)) return Fate::pass;
        const Flow flow{segment.source, segment.destination,
                        std::uint32_t{segment.tcp.source_port} << 16U | segment.tcp.destination_port};
        return judge(flow, segment.tcp, static_cast<std::uint32_t>(segment.payload.size()));
    }

private:
    Fate judge(const Flow& flow, const TcpHeader& tcp, std::uint32_t payload_bytes) {
        if (tcp.has(tcp_flag::syn)) return wanted_[flow] = tcp.seq + 1 + stream_byte_, Fate::pass;
        const auto wanted = wanted_.find(flow);
        if (wanted == wanted_.end() || wanted->second - tcp.seq >= payload_bytes) return Fate::pass;
        wanted_.erase(wanted);
        return Fate::drop;
    }

    std::uint32_t stream_byte_;
    std::map<Flow, std::uint32_t> wanted_;
};

}  // namespace

FrameFilter drop_nth(std::uint64_t number) {
    return [number, count = std::uint64_t{0}](std::span<const std::byte>) mutable {
        return ++count == number ? Fate::drop : Fate::pass;
    };
}

FrameFilter drop_once(std::function<bool(std::span<const std::byte> frame)> is_it) {
    return [is_it = std::move(is_it), is_done = false](std::span<const std::byte> frame) mutable {
        if (is_done || !is_it(frame)) return Fate::pass;
        is_done = true;
        return Fate::drop;
    };
}

FrameFilter drop_data_once(std::uint32_t stream_byte) { return LosesData(stream_byte); }

}  // namespace skerry::testing
