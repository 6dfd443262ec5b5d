#include "client_udp.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <vector>

namespace skerry::loadgen {

namespace {

constexpr std::size_t batch_datagrams = 32;
constexpr std::uint64_t probe_number = UINT64_MAX;
constexpr int probes_max = 10;
constexpr auto probe_patience = std::chrono::milliseconds{200};

}  // namespace

UdpLink::UdpLink(net::UdpSocket socket, CoreRun& core_run, std::uint64_t tag)
    : LinkState(core_run),
      socket_(std::move(socket)),
      message_(core_run.settings.format(), core_run.settings.size, std::byte{'x'}) {
    message_.mark(std::as_bytes(std::span(&tag, 1)));
}

net::SendTo UdpLink::transmit(std::uint64_t number, std::size_t) noexcept {
    return socket_.send(message_.request(number));
}

bool UdpLink::send_failed(Error error) {
    if (error == Errc::runtime_shutdown) {
        close(error);
        return true;
    }
    run.note(error);
    // The network says of one that left before that nobody had it.
    if (error == Errc::connection_refused && !run.settings.has_answers()) run.recorder.on_bounced(run.now());
    return false;
}

Task<Result<>> UdpLink::probe() {
    Error last = Errc::timed_out;
    std::vector<std::byte> answer(message_.size());
    for (int i = 0; i < probes_max; ++i) {
        auto sent = co_await transmit(probe_number);
        if (!sent) {
            last = sent.error();
            co_await time::sleep(probe_patience);
            continue;
        }
        auto received = co_await time::timeout(probe_patience, socket_.recv_from(answer));
        if (received) {
            if (number_of(std::span(answer).first(received->bytes)) == probe_number) co_return Result<>();
            last = Errc::io;
            continue;
        }
        last = received.error();
        if (last != Errc::timed_out) co_await time::sleep(probe_patience);  // refused: it may be about to start
    }
    co_return last;
}

std::optional<std::uint64_t> UdpLink::number_of(std::span<const std::byte> datagram) const noexcept {
    if (datagram.size() != message_.size()) return std::nullopt;
    const std::uint64_t number = message_.number_in(datagram);
    return message_.is_answer(datagram, 0, number) ? std::optional(number) : std::nullopt;
}

Task<> UdpLink::receive() {
    const auto batch = std::make_unique<std::array<net::Datagram, batch_datagrams>>();
    for (;;) {
        auto count = co_await socket_.recv_batch(*batch);
        const Nanos at = run.now();
        if (!count) {
            if (send_failed(count.error())) co_return;
            continue;
        }
        for (net::Datagram& datagram : std::span(*batch).first(*count)) {
            const auto number = number_of(datagram.payload.bytes());
            datagram.payload.reset();
            if (number == probe_number) continue;  // the late answer to a probe that was repeated
            const auto request = number ? in_flight.finish(*number) : std::nullopt;
            if (request)
                finished(*request, at);
            else
                run.recorder.on_unexpected();
        }
    }
}

}  // namespace skerry::loadgen
