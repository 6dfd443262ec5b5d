// Hot path. A batch of datagrams is received, turned into its answers in place and sent back; one system call each
// way, no allocation.

#include "udp.hpp"

#include "sockperf.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/net/stack_network.hpp>
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

// What comes one at a time is not made to pay for many: loops over those stand in functions of their own.

SKERRY_NOINLINE std::size_t bytes_of_many(std::span<const Datagram> datagrams) noexcept {
    std::size_t bytes = 0;
    for (const Datagram& datagram : datagrams) bytes += datagram.payload.size();
    return bytes;
}

std::size_t bytes_of(std::span<const Datagram> datagrams) noexcept {
    return datagrams.size() == 1 ? datagrams.front().payload.size() : bytes_of_many(datagrams);
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

/// make_answers() for what is not simply sent back.
SKERRY_NOINLINE std::size_t make_other_answers(std::span<Datagram> received, Mode mode, CoreState& core) noexcept {
    const std::size_t answers = mode == Mode::sockperf ? keep_answers(received, core) : 0;
    core.bytes_out += bytes_of(received.first(answers));
    return answers;
}

/// Turns the front of `received` into the answers, and counts both; returns how many answers there are.
template <bool is_echo>
std::size_t make_answers(std::span<Datagram> received, Mode mode, CoreState& core) noexcept {
    const std::size_t bytes = bytes_of(received);
    core.messages += received.size();
    core.bytes_in += bytes;
    if constexpr (!is_echo) return make_other_answers(received, mode, core);
    core.bytes_out += bytes;
    return received.size();
}

SKERRY_NOINLINE void release_many(std::span<Datagram> received) noexcept {
    for (Datagram& datagram : received) datagram.payload.reset();
}

/// Lets go of the buffers: the next datagram to come finds one that is warm in the cache.
void release(std::span<Datagram> received) noexcept {
    if (received.size() != 1) return release_many(received);
    received.front().payload.reset();
}

// A Result that is asked once, here, is not kept in the frame until the next wait.

/// The value, or 0 and the error apart.
std::size_t value_of(const Result<std::size_t>& result, Error& error) noexcept {
    if (result) [[likely]]
        return *result;
    error = result.error();
    return 0;
}

std::size_t value_of(const Result<std::size_t>& result) noexcept {
    if (result) [[likely]]
        return *result;
    return 0;
}

/// Of several addresses of our own stack the one that was asked answers. A socket of all of them sends from the one of
/// the way else, as the kernel's do, and a connected peer does not hear that.
void answer_from_where_asked(net::UdpSocket& socket) noexcept {
    const auto own = net::stack_network();
    const bool is_one = !own || (own->more_addresses.front() == net::IpAddr::v4_any() && !own->may_have_several_v6);
    if (is_one || !socket.local_addr().ip().is_unspecified()) return;
    (void)socket.set_option(net::SocketOption::receive_local, 1);
    (void)socket.set_option(net::SocketOption::send_local, 1);
}

// What stands in an expression with a co_await is kept in the frame, spans as well: so they are made here.
net::SendBatch send_front(net::UdpSocket& socket, Batch& batch, std::size_t count) noexcept {
    return socket.send_batch(std::span(batch).first(count));
}

/// Sends all, passing over those that the kernel refuses: their peer has gone, or they may not go there.
Task<> send_all(net::UdpSocket& socket, std::span<Datagram> answers, CoreState& core) {
    while (!answers.empty()) {
        auto sent = co_await socket.send_batch(answers);
        if (!sent) ++core.unsent;
        answers = answers.subspan(sent ? *sent : 1);
    }
}

// Of the echo there is one of its own, which sends back all there is and asks for no mode.
template <bool is_echo>
Task<Result<>> answer_as(net::UdpSocket socket, Mode mode, Cores* cores) {
    CoreState& core = cores->here();
    (void)socket.set_option(net::SocketOption::receive_buffer_bytes, receive_buffer_bytes);
    answer_from_where_asked(socket);
    const auto batch = std::make_unique<Batch>();
    const net::RecvBatch receiving = socket.recv_batch(*batch);
    Error error;
    for (;;) {
        const std::size_t received = value_of(co_await receiving, error);
        if (received == 0) [[unlikely]] {
            if (error == Errc::runtime_shutdown || error == Errc::device_gone) co_return error;
            if (error == Errc::no_buffers) {
                ++core.no_buffers;
                co_await time::sleep(no_buffers_pause);
            }
            continue;
        }
        const Busy busy(core);
        const std::size_t answers = make_answers<is_echo>(std::span(*batch).first(received), mode, core);
        if (answers != 0) {
            const std::size_t sent = value_of(co_await send_front(socket, *batch, answers));
            if (sent != answers) [[unlikely]]
                co_await send_all(socket, std::span(*batch).first(answers).subspan(sent), core);
        }
        release(std::span(*batch).first(received));
    }
}

Task<Result<>> answer(net::UdpSocket socket, Mode mode, Cores* cores) {
    return mode == Mode::echo ? answer_as<true>(std::move(socket), mode, cores)
                              : answer_as<false>(std::move(socket), mode, cores);
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
