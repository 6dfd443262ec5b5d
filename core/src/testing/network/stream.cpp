#include "stream.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/backend/read_each.hpp>
#include <skerry/base/assert.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace skerry::testing {

using backend::ReadKind;
using backend::ReadRequest;
using backend::Step;
using backend::StreamSocket;
using backend::WriteKind;
using backend::WriteRequest;

namespace {

constexpr auto user_timeout_default = std::chrono::minutes{15};  // about what Linux comes to with its 15 retries
constexpr auto syn_interval = std::chrono::seconds{1};           // doubled each time, as RFC 6298 has it
constexpr int syn_attempts_max = 7;                              // 1 + 2 + ... + 64 s = 127 s, as in Linux

net::SocketAddr shown(const net::SocketAddr& address, bool as_mapped) noexcept {
    return as_mapped ? net::SocketAddr(address.ip().mapped(), address.port()) : address;
}

}  // namespace

Stream::Stream(NetworkState& network, const net::SocketAddr& local, const net::SocketAddr& remote, End end) noexcept
    : Socket(network), local_(local), remote_(remote), end_(end), window_(network.limits().receive_window_bytes) {
    ops = &operations;
    home = network.home();
    peer = remote;
}

Connection Stream::connection() const noexcept {
    return is_client() ? Connection{local_, remote_} : Connection{remote_, local_};
}

// --- connecting

void Stream::send_syn() {
    if (++syn_attempts_ > syn_attempts_max) return connect_failed(Errc::timed_out);
    if (is_held_outgoing()) return lose_syn();
    Event event;
    event.kind = EventKind::syn;
    event.target = id();
    event.bytes = window_;
    event.from = local_;
    event.to = remote_;
    network().schedule(network().wire().arrival(local_.ip(), remote_.ip(), 0, network().now()), std::move(event));
}

void Stream::lose_syn() {
    Event event;
    event.kind = EventKind::syn_retry;
    event.target = id();
    network().schedule(network().now() + syn_interval * (1 << (syn_attempts_ - 1)), std::move(event));
}

void Stream::connected_to(SocketId peer_id, std::size_t peer_window) noexcept {
    peer_id_ = peer_id;
    credit_ = peer_window;
    state_ = State::open;
    may_read = false;
    network().note_addresses(*this);
    if (backend::ConnectRequest* const request = std::exchange(connecting, nullptr)) {
        request->give_claim();
        task::current_scheduler->wake(*request);
    }
}

void Stream::connect_failed(Error error) noexcept {
    backend::ConnectRequest& request = *std::exchange(connecting, nullptr);
    request.error = error;
    request.socket = nullptr;
    request.give_claim();
    task::current_scheduler->wake(request);
    network().discard(this);
}

// --- the wire

void Stream::send(EventKind kind, std::uint64_t bytes, IoBuf payload) {
    Event event;
    event.kind = kind;
    event.target = peer_id_;
    event.source = id();
    event.bytes = bytes;
    event.payload = std::move(payload);
    event.from = local_;
    event.to = remote_;
    schedule_in_order(std::move(event));
}

void Stream::schedule_in_order(Event&& event) {
    NetworkState& net = network();
    last_arrival_ =
        std::max(last_arrival_, net.wire().arrival(local_.ip(), remote_.ip(), event.payload.size(), net.now()));
    net.schedule(last_arrival_, std::move(event));
}

bool Stream::is_held_outgoing() const noexcept {
    return is_stalled_ || network().wire().link(local_.ip(), remote_.ip()).is_down;
}

bool Stream::is_held_incoming() const noexcept {
    return is_stalled_ || network().wire().link(remote_.ip(), local_.ip()).is_down;
}

void Stream::hold(Event&& event) {
    // Both ends may wait for what is held: one for its data to pass, the other for the acknowledgement.
    if (Stream* const sender = network().find_stream(event.source)) sender->watch_progress();
    held_.push_back(std::move(event));
    watch_progress();
}

void Stream::release_held() {
    while (!held_.empty() && !is_held_incoming()) {
        Event event = std::move(held_.front());
        held_.pop_front();
        network().schedule(network().now(), std::move(event));
    }
    if (is_held_outgoing()) return;
    progressed();
    if (state_ == State::open) pump();
}

IoBuf Stream::next_segment() {
    const NetworkLimits& limits = network().limits();
    std::size_t bytes = std::max<std::size_t>(1, limits.segment_bytes);
    if (limits.random_segments) bytes = 1 + network().wire().random().below(bytes);
    bytes = std::min({bytes, credit_, unsent_.front().size()});
    IoBuf segment;
    if (bytes == unsent_.front().size()) {
        segment = std::move(unsent_.front());
        unsent_.pop_front();
    } else {
        segment = IoBuf::copy_of(unsent_.front().bytes().first(bytes));
        unsent_.front().trim_front(bytes);
    }
    unsent_bytes_ -= bytes;
    return segment;
}

// Sends what the peer's window takes, and the FIN behind the last byte.
void Stream::pump() {
    if (state_ != State::open) return;
    while (unsent_bytes_ != 0 && credit_ != 0 && !is_held_outgoing()) {
        IoBuf segment = next_segment();
        credit_ -= segment.size();
        unacknowledged_ += segment.size();
        ++network().counters().segments;
        send(EventKind::data, segment.size(), std::move(segment));
    }
    if (write_shut && !fin_sent_ && unsent_bytes_ == 0 && !is_held_outgoing()) {
        fin_sent_ = true;
        send(EventKind::fin);
    }
    if (is_held_outgoing()) watch_progress();
}

// --- what arrives

void Stream::handle(Event&& event) noexcept {
    // An end that knows nothing of the connection any more.
    if (state_ == State::dead && (event.kind == EventKind::data || event.kind == EventKind::fin))
        return send(EventKind::reset);
    switch (event.kind) {
        case EventKind::data: return take_data(std::move(event.payload));
        case EventKind::acknowledge: return take_acknowledge(event.bytes);
        case EventKind::credit: credit_ += event.bytes; return pump();
        case EventKind::fin:
            fin_received_ = true;
            may_read = true;
            send(EventKind::fin_acknowledge);
            return serve_reader();
        case EventKind::fin_acknowledge:
            fin_acknowledged_ = true;
            progressed();
            return finish_if_done();
        case EventKind::reset:
            ++network().counters().resets;
            return fail(fin_received_ ? Errc::broken_pipe : Errc::connection_reset);
        case EventKind::user_timeout:
            timer_runs_ = false;
            if (has_outstanding()) fail(Errc::timed_out);
            return;
        default: return;
    }
}

void Stream::take_data(IoBuf payload) {
    if (!is_owned_) {  // nobody will read it
        send(EventKind::reset);
        return fail(Errc::connection_reset);
    }
    const bool resets = payload.size() >= receives_until_reset_;
    if (resets) payload.set_size(receives_until_reset_);
    if (receives_until_reset_ != never) receives_until_reset_ -= payload.size();
    send(EventKind::acknowledge, payload.size());
    if (!payload.empty()) received_.push_back(std::move(payload));
    may_read = true;
    serve_reader();
    if (resets) reset_both();
}

void Stream::take_acknowledge(std::uint64_t bytes) noexcept {
    unacknowledged_ -= std::min<std::size_t>(unacknowledged_, bytes);
    progressed();
    if (is_held_outgoing()) watch_progress();
    serve_writer();
    finish_if_done();
}

void Stream::reset_both() noexcept {
    const SocketId other = peer_id_;
    NetworkState& net = network();
    fail(Errc::connection_reset);
    if (Stream* const end = net.find_stream(other)) end->fail(Errc::connection_reset);
}

void Stream::fail(Error error) noexcept {
    if (state_ == State::dead) return;
    if (connecting != nullptr) return connect_failed(error);
    state_ = State::dead;
    pending_error_ = error;
    unsent_.clear();
    unsent_bytes_ = unacknowledged_ = 0;
    held_.clear();
    progressed();
    if (!is_owned_) return network().discard(this);
    may_read = may_write = true;
    serve_reader();
    serve_writer();
}

// An end without an owner goes when everything it had to say has arrived.
void Stream::finish_if_done() noexcept {
    if (!is_owned_ && fin_acknowledged_) network().discard(this);
}

// --- the user timeout

bool Stream::has_outstanding() const noexcept {
    return unsent_bytes_ + unacknowledged_ != 0 || (fin_sent_ && !fin_acknowledged_) || (write_shut && !fin_sent_);
}

std::chrono::nanoseconds Stream::user_timeout() const noexcept {
    const int ms = options.get(backend::SocketOption::user_timeout_ms);
    return ms == 0 ? std::chrono::nanoseconds{user_timeout_default} : std::chrono::milliseconds{ms};
}

// Only while something is held back: what is not held arrives.
void Stream::watch_progress() {
    if (timer_runs_ || state_ != State::open || !has_outstanding()) return;
    timer_runs_ = true;
    Event event;
    event.kind = EventKind::user_timeout;
    event.target = id();
    event.generation = timer_generation_;
    network().schedule(network().now() + user_timeout(), std::move(event));
}

void Stream::progressed() noexcept {
    ++timer_generation_;
    timer_runs_ = false;
}

bool Stream::is_stale(const Event& timer) const noexcept { return timer.generation != timer_generation_; }

// --- reading

void Stream::serve_reader() noexcept {
    if (reader != nullptr && read_now(*reader) == Step::done) complete(*this, *reader);
}

Step Stream::read_now(ReadRequest& request) noexcept {
    if (received_.empty()) {
        if (state_ != State::dead && !fin_received_ && !read_shut) {
            may_read = false;
            return Step::pending;
        }
        request.bytes = 0;
        request.error = std::exchange(pending_error_, Error{});
        if (request.error == Errc::ok) end_of_stream = true;
        return Step::done;
    }
    IoBuf& oldest = received_.front();
    if (request.kind == ReadKind::buffer) {
        if (network().no_buffers()) {
            request.error = Errc::no_buffers;
            return Step::done;
        }
        request.bytes = oldest.size();
        request.buffer = std::move(oldest);
    } else {
        request.bytes = std::min(request.into.size(), oldest.size());
        std::memcpy(request.into.data(), oldest.data(), request.bytes);
        if (request.kind == ReadKind::peek) return Step::done;
        oldest.trim_front(request.bytes);
    }
    if (oldest.empty()) received_.pop_front();
    if (state_ == State::open && request.bytes != 0) send(EventKind::credit, request.bytes);
    return Step::done;
}

Step Stream::read(StreamSocket& socket, ReadRequest& request) noexcept {
    return static_cast<Stream&>(socket).read_now(request);
}

// --- writing

std::size_t Stream::send_limit() const noexcept {
    const int own = options.get(backend::SocketOption::send_buffer_bytes);
    return own != 0 ? static_cast<std::size_t>(own) : network().limits().send_buffer_bytes;
}

void Stream::serve_writer() noexcept {
    may_write = true;
    if (writer == nullptr) return;
    const bool has_room = unsent_bytes_ + unacknowledged_ < send_limit();
    // A write of "some" writes when its task runs, so that a cancelled one has written nothing.
    if (writer->kind == WriteKind::some && (has_room || state_ == State::dead || write_shut))
        return complete(*this, *writer);
    if (writer->kind != WriteKind::some && write_now(*writer) == Step::done) complete(*this, *writer);
}

Step Stream::write_now(WriteRequest& request) noexcept {
    if (state_ == State::dead || write_shut) {
        request.error = std::exchange(pending_error_, Error{});
        if (request.error == Errc::ok) request.error = Errc::broken_pipe;
        if (received_.empty()) end_of_stream = true;
        return Step::done;
    }
    const std::span<const std::byte> left = request.from.subspan(request.bytes);
    const std::size_t used = unsent_bytes_ + unacknowledged_;
    const std::size_t room = send_limit() > used ? send_limit() - used : 0;
    const std::size_t count = std::min(room, left.size());
    if (count != 0) {
        unsent_.push_back(IoBuf::copy_of(left.first(count)));
        unsent_bytes_ += count;
        request.bytes += count;
        pump();
    }
    if (request.bytes == request.from.size()) return Step::done;
    may_write = false;
    return request.kind == WriteKind::some && count != 0 ? Step::done : Step::pending;
}

Step Stream::write(StreamSocket& socket, WriteRequest& request) noexcept {
    return static_cast<Stream&>(socket).write_now(request);
}

Step Stream::write_vectored(StreamSocket& socket, WriteRequest& request, backend::IoSlices slices) noexcept {
    std::vector<std::byte> together;
    for (const std::span<const std::byte> slice : slices) together.insert(together.end(), slice.begin(), slice.end());
    const std::span<const std::byte> first = std::exchange(request.from, together);
    const Step step = static_cast<Stream&>(socket).write_now(request);
    request.from = first;
    return step;
}

bool Stream::has_room(StreamSocket& socket) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    const bool is_open = stream.state_ == State::open && !stream.write_shut;
    stream.may_write = !is_open || stream.unsent_bytes_ + stream.unacknowledged_ < stream.send_limit();
    return stream.may_write;
}

// --- the rest of the table

Result<> Stream::shutdown(StreamSocket& socket, backend::ShutdownHow how) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    if (how != backend::ShutdownHow::read) {
        stream.write_shut = true;
        stream.pump();
        stream.serve_writer();
    }
    if (how != backend::ShutdownHow::write) {
        stream.may_read = true;
        stream.serve_reader();
    }
    return {};
}

void Stream::close(StreamSocket* socket) noexcept {
    auto* const stream = static_cast<Stream*>(socket);
    NetworkState& net = stream->network();
    const bool has_unread = !stream->received_.empty() || stream->given_back != nullptr;
    delete std::exchange(stream->given_back, nullptr);
    net.release_descriptor(*stream);
    stream->is_owned_ = false;
    if (stream->state_ != State::open) return net.discard(stream);
    if (has_unread || stream->options.get(backend::SocketOption::linger_s) == 0) {
        stream->send(EventKind::reset);
        return net.discard(stream);
    }
    stream->write_shut = true;
    stream->pump();
    stream->finish_if_done();
}

Result<> Stream::set_option(StreamSocket& socket, backend::SocketOption option, int value) noexcept {
    constexpr int ecn_bits = 0b11;  // TCP's own
    if (option == backend::SocketOption::traffic_class && value > 0) value &= ~ecn_bits;
    return static_cast<Stream&>(socket).options.set(option, value);
}

Error Stream::take_error(StreamSocket& socket) noexcept {
    return std::exchange(static_cast<Stream&>(socket).pending_error_, Error{});
}

Result<int> Stream::get_option(StreamSocket& socket, backend::SocketOption option) noexcept {
    return static_cast<Stream&>(socket).options.ask(option);
}

Result<net::SocketAddr> Stream::local_address(StreamSocket& socket) noexcept {
    const auto& stream = static_cast<Stream&>(socket);
    return shown(stream.local_, stream.shows_mapped);
}

// There is no congestion here, and nothing of a stream is lost.
Result<backend::TcpInfo> Stream::info(StreamSocket& socket) noexcept {
    const auto& stream = static_cast<Stream&>(socket);
    backend::TcpInfo info;
    info.state = stream.told_state();
    info.send_mss = static_cast<std::uint32_t>(stream.network().limits().segment_bytes);
    info.slow_start_threshold = backend::TcpInfo::no_threshold;
    info.congestion_window = info.slow_start_threshold;
    info.send_window = static_cast<std::uint32_t>(stream.credit_ + stream.unacknowledged_);
    info.unacknowledged = static_cast<std::uint32_t>(stream.unacknowledged_);
    info.unsent = static_cast<std::uint32_t>(stream.unsent_bytes_);
    return info;
}

backend::TcpState Stream::told_state() const noexcept {
    using backend::TcpState;
    if (state_ == State::connecting) return TcpState::syn_sent;
    if (state_ == State::dead) return TcpState::closed;
    if (!fin_sent_) return fin_received_ ? TcpState::close_wait : TcpState::established;
    if (fin_received_) return fin_acknowledged_ ? TcpState::time_wait : TcpState::last_ack;
    return fin_acknowledged_ ? TcpState::fin_wait_2 : TcpState::fin_wait_1;
}

// --- after the network

void Stream::orphan() noexcept {
    if (!is_owned_) {
        delete this;
        return;
    }
    received_.clear();
    unsent_.clear();
    backend::orphan_stream(*this);
}

const backend::StreamOps Stream::operations{&read,          &backend::read_each<&read>,
                                            &write,         &write_vectored,
                                            &write,         &has_room,
                                            &shutdown,      &close,
                                            &set_option,    &get_option,
                                            &local_address, &info,
                                            &take_error,    &backend::no_descriptor};

}  // namespace skerry::testing
