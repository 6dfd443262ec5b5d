#include "client_tcp.hpp"

#include <algorithm>
#include <cstring>

namespace skerry::loadgen {

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
        damaged_ |= !is_source && std::memcmp(data.data(), payload_.data(), count) != 0;
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
    run.recorder.on_reply(last_chunk_, last_chunk_, at);
    last_chunk_ = at;
}

}  // namespace skerry::loadgen
