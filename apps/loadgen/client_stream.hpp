#pragma once

// Hot path. A TCP connection of the generator and the protocol that is spoken over it (protocol/stream_protocol.hpp).
//
// Where a protocol knows the end of a connection as a thing that happens, the connection is made anew and what waits is
// sent again on it, with the times that it had. Then a server that closes after each answer, or after a thousand, costs
// what it costs, and nothing of it is an error. There are two bounds, so that no server makes us connect for ever. One
// that ended idle before it answered anything is made anew only when there is something to send. And one that has
// answered nothing is the last one if it was made for that, or requests wait on it.
//
// One that has carried as many requests as it may (--per-conn) is closed when all are answered, and another takes its
// place at once; what is due meanwhile is held, and keeps its time.
//
// Where answers have no numbers, one that nothing waited for ends the connection for good: it may be the second copy of
// an answer, and the next one would be taken for that of a request which has just been sent. Only the last answer of a
// connection may be such a one, as status 408 of a server that has waited long enough.

#include "client_link.hpp"
#include "protocol/stream_protocol.hpp"

#include <skerry/net/socket_addr.hpp>
#include <skerry/net/tcp_stream.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace skerry::loadgen {

inline constexpr auto connect_patience = std::chrono::seconds{5};

template <StreamProtocol Protocol>
class StreamLink : public LinkState {
public:
    StreamLink(net::TcpStream stream, const net::SocketAddr& server, CoreRun& core_run, Protocol protocol)
        : LinkState(core_run), stream_(std::move(stream)), server_(server), protocol_(std::move(protocol)) {}

    [[nodiscard]] net::WriteAll transmit(std::uint64_t first, std::size_t count) noexcept {
        return stream_.write_all(protocol_.requests(first, count));
    }
    [[nodiscard]] std::size_t batch_max() const noexcept { return protocol_.batch_max(); }

    /// True: no more can be sent.
    [[nodiscard]] bool send_failed(Error error) {
        if (!is_up) return false;  // the connection is being exchanged
        const bool is_given_up = error == Errc::timed_out || error == Errc::runtime_shutdown;
        if (Protocol::reconnects && !is_given_up) return false;  // whoever reads sees the end too, and what to do
        close(error);
        return true;
    }

    /// Takes answers until the connection ends for good.
    [[nodiscard]] Task<> receive();

    /// Ends what runs beside send and receive.
    void abort_resending() {
        if (resending_) resending_->abort();
    }

private:
    enum class End : std::uint8_t {
        none,
        announced,  // by the last answer
        silent,  // between two answers
        within,  // in the middle of an answer, or by what is no answer
        unasked,  // by an answer that nothing waited for
        used_up,  // by us: it has carried all that it may
    };

    [[nodiscard]] End take(std::span<const std::byte> data, Nanos at);
    [[nodiscard]] bool use(Taken taken, Nanos at);
    void take_source(Nanos at);
    [[nodiscard]] End end_of_stream(Nanos at, std::string why);
    void spoil_oldest(const std::string& why);
    [[nodiscard]] Task<bool> reconnect(End end);
    [[nodiscard]] Task<bool> replace();
    [[nodiscard]] Task<bool> connect_again(std::string_view why);
    [[nodiscard]] Task<> resend();
    void come_up() noexcept {
        is_up = true;
        is_wanted = false;
        changed.notify_one();
    }

    net::TcpStream stream_;
    net::SocketAddr server_;
    Protocol protocol_;
    std::uint64_t answers_ = 0;  // of this connection
    bool is_on_demand_ = false;  // it was made because there was something to send
    std::string why_ended_;
    std::optional<AbortHandle> resending_;
};

template <StreamProtocol Protocol>
Task<> StreamLink<Protocol>::receive() {
    for (;;) {
        auto received = co_await stream_.read_buf();
        const Nanos at = run.now();
        End end = End::none;
        if (received && !received->empty())
            end = take(received->bytes(), at);
        else
            end = end_of_stream(at, received ? Error(Errc::unexpected_eof).message() : received.error().message());
        if (end == End::none) continue;
        if (end == End::used_up) {
            const bool again = co_await replace();
            if (again) continue;
            break;
        }
        if constexpr (ReconnectingProtocol<Protocol>) {
            if (end == End::unasked) break;
            const bool again = co_await reconnect(end);
            if (again) continue;
        }
        break;
    }
    close(why_ended_);
}

template <StreamProtocol Protocol>
auto StreamLink<Protocol>::take(std::span<const std::byte> data, Nanos at) -> End {
    while (!data.empty()) {
        const Taken taken = protocol_.take(data, in_flight.oldest());
        if (taken == Taken::more) return End::none;
        if (taken == Taken::broken) {
            spoil_oldest("an answer cannot be read: " + protocol_.complaint());
            return End::within;
        }
        const bool was_asked = use(taken, at);
        if (may_carry == 0 && in_flight.waiting() == 0) {
            if (!data.empty()) run.recorder.on_unexpected();  // whatever it is, nothing waits for it
            return End::used_up;
        }
        if constexpr (ReconnectingProtocol<Protocol>)
            if (protocol_.is_last()) return End::announced;
        if (!was_asked && !Protocol::numbers_answers) {
            why_ended_ = "an answer came that nothing waited for, so that none can be told from the next one's";
            return End::unasked;
        }
    }
    return End::none;
}

/// False: nothing waited for it.
template <StreamProtocol Protocol>
bool StreamLink<Protocol>::use(Taken taken, Nanos at) {
    if (run.settings.mode == Mode::source) {
        take_source(at);
        return true;
    }
    const auto request = in_flight.finish_oldest();
    if (!request) {
        run.recorder.on_unexpected();
        return false;
    }
    ++answers_;
    if (taken == Taken::answer) {
        finished(*request, at);
        return true;
    }
    if (taken == Taken::refusal)
        run.refuse(request->intended, [this] { return protocol_.complaint(); });
    else
        run.find_damaged(request->intended, [this] { return protocol_.complaint(); });
    changed.notify_one();
    return true;
}

// The server's stream in pieces: a piece is "requested" when the one before has come.
template <StreamProtocol Protocol>
void StreamLink<Protocol>::take_source(Nanos at) {
    if (!is_piece_due()) return;
    run.recorder.on_send(last_piece, last_piece);
    run.on_reply(last_piece, last_piece, at);
    last_piece = at;
    if (!is_piece_due()) changed.notify_one();
}

template <StreamProtocol Protocol>
auto StreamLink<Protocol>::end_of_stream(Nanos at, std::string why) -> End {
    why_ended_ = std::move(why);
    if constexpr (ReconnectingProtocol<Protocol>) {
        const Taken taken = protocol_.take_end();
        if (taken == Taken::more) return End::silent;
        if (taken == Taken::broken) {
            spoil_oldest(why_ended_);
            return End::within;
        }
        (void)use(taken, at);  // the connection is over, so that no next one can be taken for it
        return End::announced;
    }
    (void)at;
    return End::silent;
}

/// The request whose answer cannot be read ends by that error.
template <StreamProtocol Protocol>
void StreamLink<Protocol>::spoil_oldest(const std::string& why) {
    why_ended_ = why;
    if constexpr (!ReconnectingProtocol<Protocol>) return;  // all of them do, when the connection is closed
    if (answers_ == 0) return;
    run.note(why);
    if (const auto request = in_flight.finish_oldest()) run.recorder.on_error(request->intended);
}

/// A new connection in place of the one that has ended; false: there is none.
template <StreamProtocol Protocol>
Task<bool> StreamLink<Protocol>::reconnect(End end) {
    const bool was_of_use = answers_ != 0;
    if (!was_of_use && (end == End::within || in_flight.waiting() != 0 || is_on_demand_)) co_return false;
    is_up = false;
    (void)stream_.shutdown(net::ShutdownHow::both);  // a write that blocks ends
    abort_resending();
    while (writers != 0) co_await writer_left.notified();
    if constexpr (ReconnectingProtocol<Protocol>) {
        if (!protocol_.may_repeat() && in_flight.waiting() != 0) {
            run.note(why_ended_);
            give_up_waiting();
            changed.notify_one();
        }
        protocol_.restart();
    }
    is_on_demand_ = !was_of_use;
    while (is_on_demand_ && !is_wanted) co_await wanted.notified();
    const bool again = co_await connect_again("the server closed a connection, and a new one cannot be made: ");
    if (!again) co_return false;
    may_carry -= in_flight.waiting();  // these it did not carry to the end
    if (in_flight.waiting() == 0)
        come_up();
    else
        resending_ = run.tasks->spawn(resend());
    co_return true;
}

/// A new connection in place of the one that is used up.
template <StreamProtocol Protocol>
Task<bool> StreamLink<Protocol>::replace() {
    is_up = false;
    if (writers != 0) (void)stream_.shutdown(net::ShutdownHow::both);  // of a request that was answered before it ended
    while (writers != 0) co_await writer_left.notified();
    {
        const net::TcpStream used_up = std::move(stream_);  // it ends before the next one begins
    }
    const bool again = co_await connect_again("a connection cannot be made in the place of the one before: ");
    if (!again) co_return false;
    if constexpr (ReconnectingProtocol<Protocol>) protocol_.restart();
    is_on_demand_ = false;
    come_up();
    co_return true;
}

template <StreamProtocol Protocol>
Task<bool> StreamLink<Protocol>::connect_again(std::string_view why) {
    connecting_since = run.now();
    auto stream = co_await time::timeout(connect_patience, net::TcpStream::connect(server_));
    note_connected();
    if (!stream) {
        const bool lacks_port = stream.error() == Errc::address_not_available;
        why_ended_ = std::string(why) + (lacks_port ? "no local port is free" : stream.error().message());
        co_return false;
    }
    stream_ = std::move(*stream);
    answers_ = 0;
    may_carry = run.settings.per_conn.value_or(std::numeric_limits<std::uint64_t>::max());
    run.recorder.on_reconnect(run.now());
    co_return true;
}

/// Asks again for what waits. Meanwhile receive() takes answers, so that neither side waits for the other to read.
template <StreamProtocol Protocol>
Task<> StreamLink<Protocol>::resend() {
    const Writing writing(*this);
    std::uint64_t number = in_flight.oldest();
    for (std::size_t left = in_flight.waiting(); left != 0;) {
        const std::size_t count = std::min(left, protocol_.batch_max());
        auto written = co_await time::timeout_at(run.at(run.drain_end), transmit(number, count));
        if (!written) co_return;  // whoever reads sees the end too
        number += count;
        left -= count;
    }
    come_up();
}

}  // namespace skerry::loadgen
