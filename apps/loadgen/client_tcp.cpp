#include "client_tcp.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace skerry::loadgen {

namespace {

using Number = std::array<std::byte, sizeof(std::uint64_t)>;

}  // namespace

net::WriteAll TcpLink::transmit(std::uint64_t number) noexcept {
    const auto bytes = std::bit_cast<Number>(number);
    std::copy_n(bytes.begin(), std::min(bytes.size(), payload_.size()), payload_.begin());
    return stream_.write_all(payload_);
}

// The payload behind the number is the same in every request; the number is that of the oldest that waits.
bool TcpLink::is_expected(std::span<const std::byte> part) const noexcept {
    const auto number = std::bit_cast<Number>(in_flight.oldest());
    std::size_t at = partial_bytes_;
    for (; at < number.size() && !part.empty(); ++at) {
        if (part.front() != number[at]) return false;
        part = part.subspan(1);
    }
    return part.empty() || std::memcmp(part.data(), &payload_[at], part.size()) == 0;
}

Task<> TcpLink::receive() {
    for (;;) {
        auto received = co_await stream_.read_buf();
        const Nanos at = run.now();
        if (!received) {
            close(received.error());
            co_return;
        }
        if (received->empty()) {
            close(Errc::unexpected_eof);
            co_return;
        }
        take(received->bytes(), at);
    }
}

void TcpLink::take(std::span<const std::byte> data, Nanos at) {
    const bool is_source = run.settings.mode == Mode::source;
    while (!data.empty()) {
        const std::size_t count = std::min<std::size_t>(data.size(), payload_.size() - partial_bytes_);
        damaged_ |= !is_source && !is_expected(data.first(count));
        partial_bytes_ += count;
        data = data.subspan(count);
        if (partial_bytes_ < payload_.size()) return;
        partial_bytes_ = 0;
        if (is_source) {
            take_source(at);
            continue;
        }
        const auto request = in_flight.finish_oldest();
        if (!request) {
            run.recorder.on_unexpected();
        } else if (damaged_) {
            run.recorder.on_error(request->intended);
            changed.notify_one();
        } else {
            finished(*request, at);
        }
        damaged_ = false;
    }
}

// The server's stream in pieces: a piece is "requested" when the one before has come.
void TcpLink::take_source(Nanos at) {
    if (last_chunk_ >= run.end) return;
    run.recorder.on_send(last_chunk_, last_chunk_);
    run.on_reply(last_chunk_, last_chunk_, at);
    last_chunk_ = at;
}

}  // namespace skerry::loadgen
