// Hot path. One task a connection. A message costs one read and one write of the kernel and allocates nothing: its
// buffer comes from the core's pool and goes back to it.
//
// When the pool is at its limit, because a thousand peers send and do not read, the others go on with small buffers
// of the heap: a peer that stalls holds one, and no more is ever read from it before its answer has left.

#include "tcp.hpp"

#include "sockperf.hpp"

#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace skerry::echo {

namespace {

constexpr std::size_t small_buffer_bytes = 4096;
constexpr std::size_t source_chunk_bytes = 64 * 1024;

/// read_buf() without the pool.
Task<Result<IoBuf>> read_small(net::TcpStream& stream) {
    IoBuf buffer = IoBuf::allocate(small_buffer_bytes);
    if (!buffer) co_return Errc::no_memory;
    auto count = co_await stream.read(buffer.writable());
    if (!count) co_return count.error();
    buffer.set_size(*count);
    co_return std::move(buffer);
}

/// During a stop: whether more has already come. What comes later is not answered any more.
Task<bool> has_more(net::TcpStream& stream) {
    co_await yield_to_driver();
    std::array<std::byte, 1> first{};
    auto peeked = co_await time::timeout_at(time::Instant{}, stream.peek(first));
    co_return peeked.has_value() && *peeked != 0;
}

Task<> echo(net::TcpStream stream, Cores* cores) {
    CoreState& core = cores->here();
    ++core.connections;
    for (;;) {
        auto received = co_await stream.read_buf();
        if (!received && received.error() == Errc::no_buffers) [[unlikely]] {
            ++core.no_buffers;
            received = co_await read_small(stream);
        }
        if (!received) [[unlikely]]
            break;
        if (received->empty()) co_return;
        const Busy busy(core);
        const std::size_t bytes = received->size();
        ++core.messages;
        core.bytes_in += bytes;
        auto written = co_await stream.write_buf(std::move(*received));
        if (!written) [[unlikely]]
            break;
        core.bytes_out += bytes;
        if (!cores->stopping()) [[likely]]
            continue;
        const bool more = co_await has_more(stream);
        if (!more) co_return;
    }
    ++core.resets;
}

Task<> sink(net::TcpStream stream, Cores* cores) {
    CoreState& core = cores->here();
    ++core.connections;
    for (;;) {
        auto received = co_await stream.read_buf();
        if (!received && received.error() == Errc::no_buffers) [[unlikely]] {
            ++core.no_buffers;
            received = co_await read_small(stream);
        }
        if (!received) [[unlikely]]
            break;
        if (received->empty()) co_return;
        ++core.messages;
        core.bytes_in += received->size();
    }
    ++core.resets;
}

Task<> source(net::TcpStream stream, Cores* cores) {
    static constexpr std::array<std::byte, source_chunk_bytes> chunk{};
    CoreState& core = cores->here();
    ++core.connections;
    while (!cores->stopping()) {
        const Busy busy(core);
        auto written = co_await stream.write_all(chunk);
        if (!written) {  // the peer has had enough: this is how every such connection ends
            if (written.error() != Errc::connection_reset && written.error() != Errc::broken_pipe) ++core.resets;
            co_return;
        }
        ++core.messages;
        core.bytes_out += chunk.size();
    }
}

Task<> sockperf_server(net::TcpStream stream, Cores* cores) {
    CoreState& core = cores->here();
    ++core.connections;
    sockperf::StreamAnswerer answerer;
    for (;;) {
        auto received = co_await stream.read_buf();
        if (!received && received.error() == Errc::no_buffers) [[unlikely]] {
            ++core.no_buffers;
            received = co_await read_small(stream);
        }
        if (!received) [[unlikely]]
            break;
        if (received->empty()) co_return;
        const Busy busy(core);
        core.bytes_in += received->size();
        (void)received->prepend(answerer.carried());  // the pool's headroom is 128 bytes, a header 14
        const std::uint64_t before = answerer.messages();
        const auto answer_bytes = answerer.answer(received->writable());
        core.messages += answerer.messages() - before;
        if (!answer_bytes) [[unlikely]] {
            ++core.garbage;
            co_return;
        }
        received->set_size(*answer_bytes);
        auto written = co_await stream.write_buf(std::move(*received));
        if (!written) [[unlikely]]
            break;
        core.bytes_out += *answer_bytes;
        if (!cores->stopping()) [[likely]]
            continue;
        const bool more = co_await has_more(stream);
        if (!more) co_return;
    }
    ++core.resets;
}

}  // namespace

Handler handler_for(Mode mode) noexcept {
    switch (mode) {
        case Mode::sink: return &sink;
        case Mode::source: return &source;
        case Mode::sockperf: return &sockperf_server;
        case Mode::echo: break;
    }
    return &echo;
}

}  // namespace skerry::echo
