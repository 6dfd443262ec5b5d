// Hot path. A batch of datagrams is received, turned into its answers in place and sent back; one system call each
// way, no allocation.

#include "udp.hpp"

#include "sockperf.hpp"

#include <skerry/runtime/handle.hpp>
#include <skerry/runtime/serve_together.hpp>
#include <skerry/task/abort_all.hpp>
#include <skerry/time/sleep.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace skerry::echo {

namespace {

using net::Datagram;

constexpr std::size_t batch_datagrams = 32;
// The kernel's default holds some 250 small datagrams, which a server that is not scheduled for 25 ms overruns at
// 10,000 a second. The system's limit (net.core.rmem_max) may grant less.
constexpr int receive_buffer_bytes = 4 << 20;
constexpr auto no_buffers_pause = std::chrono::milliseconds{1};
using Batch = std::array<Datagram, batch_datagrams>;

std::size_t bytes_of(std::span<const Datagram> datagrams) noexcept {
    std::size_t bytes = 0;
    for (const Datagram& datagram : datagrams) bytes += datagram.payload.size();
    return bytes;
}

/// Moves the datagrams that want an answer to the front, each as its answer; returns how many.
std::size_t keep_answers(std::span<Datagram> received, CoreState& core) noexcept {
    std::size_t kept = 0;
    for (Datagram& datagram : received) {
        const auto verdict = sockperf::answer_datagram(datagram.payload.writable());
        if (verdict == sockperf::Verdict::garbage) ++core.garbage;
        if (verdict != sockperf::Verdict::answer) continue;
        if (&received[kept] != &datagram) std::swap(received[kept], datagram);
        ++kept;
    }
    return kept;
}

/// Turns the front of `received` into the answers, and counts both.
std::span<Datagram> answers_to(std::span<Datagram> received, Mode mode, CoreState& core) noexcept {
    const std::size_t bytes = bytes_of(received);
    core.messages += received.size();
    core.bytes_in += bytes;
    if (mode == Mode::echo) {
        core.bytes_out += bytes;
        return received;
    }
    const std::size_t answers = mode == Mode::sockperf ? keep_answers(received, core) : 0;
    core.bytes_out += bytes_of(received.first(answers));
    return received.first(answers);
}

/// Sends all, passing over those that the kernel refuses: their peer has gone, or they may not go there.
Task<> send_all(net::UdpSocket& socket, std::span<Datagram> answers, CoreState& core) {
    while (!answers.empty()) {
        auto sent = co_await socket.send_batch(answers);
        if (!sent) ++core.unsent;
        answers = answers.subspan(sent ? *sent : 1);
    }
}

Task<Result<>> answer(net::UdpSocket socket, Mode mode, Cores* cores) {
    CoreState& core = cores->here();
    (void)socket.set_option(net::SocketOption::receive_buffer_bytes, receive_buffer_bytes);
    const auto batch = std::make_unique<Batch>();
    for (;;) {
        auto count = co_await socket.recv_batch(*batch);
        if (!count) [[unlikely]] {
            if (count.error() == Errc::runtime_shutdown || count.error() == Errc::device_gone) co_return count.error();
            if (count.error() == Errc::no_buffers) {
                ++core.no_buffers;
                co_await time::sleep(no_buffers_pause);
            }
            continue;
        }
        const Busy busy(core);
        const std::span<Datagram> received = std::span(*batch).first(*count);
        const std::span<Datagram> answers = answers_to(received, mode, core);
        if (!answers.empty()) {
            auto sent = co_await socket.send_batch(answers);
            if (!sent || *sent != answers.size()) [[unlikely]]
                co_await send_all(socket, answers.subspan(sent ? *sent : 0), core);
        }
        for (Datagram& datagram : received) datagram.payload.reset();  // the next one to come finds it warm in cache
    }
}

Task<Result<>> bind_and_answer(net::SocketAddr address, Mode mode, Cores* cores) {
    net::BindOptions options;
    options.reuse_port = true;
    auto socket = net::UdpSocket::bind(address, options);
    if (!socket) co_return socket.error();
    auto answered = co_await answer(std::move(*socket), mode, cores);
    co_return answered;
}

}  // namespace

Result<net::UdpSocket> bind_udp(const net::SocketAddr& address) {
    // First alone: a shared bind would succeed beside a stranger who shares too, and split his datagrams.
    auto alone = net::UdpSocket::bind(address);
    if (!alone || core_count() == 1) return alone;
    const net::SocketAddr bound = alone->local_addr();
    {
        const net::UdpSocket closed = std::move(*alone);
    }
    net::BindOptions options;
    options.reuse_port = true;
    return net::UdpSocket::bind(bound, options);
}

Task<Result<>> serve_udp(net::UdpSocket socket, Mode mode, Cores* cores) {
    const net::SocketAddr address = socket.local_addr();
    AbortAll<Result<>> others;
    for (std::size_t i = 0; i < core_count(); ++i) {
        const task::CoreId core(static_cast<std::uint16_t>(i));
        if (core == this_core()) continue;
        others.handles.push_back(
            spawn_on(core, runtime::detail::call_here<Result<>>(&bind_and_answer, address, mode, cores)));
    }
    auto here = answer(std::move(socket), mode, cores);
    auto answered = co_await runtime::serve_together(std::move(here), std::move(others));
    co_return answered;
}

}  // namespace skerry::echo
