#include "stream_socket.hpp"

#include "tcp/usual_write.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/backend/read_each.hpp>
#include <skerry/stack/tcp/info.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace skerry::stack {

using backend::ReadKind;
using backend::ReadRequest;
using backend::SocketOption;
using backend::Step;
using backend::StreamSocket;
using backend::WriteKind;
using backend::WriteRequest;
using tcp::Tcp;

Sockets::Stream* Sockets::make_stream() noexcept {
    static_assert(sizeof(Stream) == 3 * cache_line_bytes);
    if (stream_blocks_ == nullptr) stream_blocks_ = BlockStore::make(sizeof(Stream));
    return stream_blocks_ == nullptr ? nullptr : new (*stream_blocks_) Stream(*this);
}

void Sockets::Stream::operator delete(Stream* stream, std::destroying_delete_t) noexcept {
    BlockStore& blocks = *stream->blocks_;
    stream->~Stream();
    blocks.put(stream);
}

void Sockets::Stream::set_peer(net::IpFamily family) noexcept {
    const net::IpAddr ip = sockets_->stack_.hosts().ip(tcb->tuple.remote);
    peer = net::SocketAddr(family == net::IpFamily::v6 ? ip.mapped() : ip, tcb->tuple.remote_port);
    sockets_->streams_.push_back(*this);
    ++sockets_->counts_.open;
}

void Sockets::Stream::leave() noexcept {
    if (ListLink& link = *this; link.is_linked()) link.unlink();
    --sockets_->counts_.open;
}

// What an idle connection costs: no buffer, two slots of the flow table at most, and these.
static_assert(sizeof(tcp::Tcb) + sizeof(Sockets::Stream) + 2 * sizeof(std::uint64_t) + 8 <= 1024);

// --- reading

Step Sockets::Stream::read_now(ReadRequest& request) noexcept {
    if (tcb->received_bytes == 0) [[unlikely]]
        return read_end(request);
    switch (request.kind) {
        case ReadKind::buffer:
            request.buffer = tcp().read_buf(*tcb, sockets_->now_);
            request.bytes = request.buffer.size();
            break;
        case ReadKind::copy: request.bytes = tcp().read(*tcb, request.into, sockets_->now_); break;
        case ReadKind::peek: request.bytes = Tcp::peek(*tcb, request.into); return Step::done;
    }
    may_read = tcb->received_bytes != 0 || Tcp::is_at_end(*tcb);
    return Step::done;
}

// Nothing is there: it may be the end, or an error that nobody was told of.
Step Sockets::Stream::read_end(ReadRequest& request) noexcept {
    if (!Tcp::is_at_end(*tcb) && !read_shut) {
        may_read = false;
        return Step::pending;
    }
    request.bytes = 0;
    request.error = Tcp::take_error(*tcb);
    if (request.error == Errc::ok) end_of_stream = true;
    return Step::done;
}

Step Sockets::Stream::read(StreamSocket& socket, ReadRequest& request) noexcept {
    return static_cast<Stream&>(socket).read_now(request);
}

// --- writing

Step Sockets::Stream::write_now(WriteRequest& request) noexcept {
    if (!Tcp::is_writable(*tcb)) [[unlikely]] {
        request.error = Tcp::take_error(*tcb);
        if (request.error == Errc::ok) request.error = Errc::broken_pipe;
        return Step::done;
    }
    const std::size_t count = tcp().write_otherwise(*tcb, request.from.subspan(request.bytes), sockets_->now_);
    request.bytes += count;
    if (request.bytes == request.from.size()) return Step::done;
    return cut_short(request, count != 0);
}

Step Sockets::Stream::cut_short(WriteRequest& request, bool took_some) noexcept {
    if (!took_some && tcb->queue.empty()) {  // there was no frame, and no acknowledgement will free one
        request.error = Errc::no_buffers;
        return Step::done;
    }
    may_write = false;
    return request.kind == WriteKind::some && took_some ? Step::done : Step::pending;
}

Step Sockets::Stream::write(StreamSocket& socket, WriteRequest& request) noexcept {
    auto& self = static_cast<Stream&>(socket);
    if (request.bytes == 0 && self.tcp().write_usual(*self.tcb, request.from, self.sockets_->now_)) [[likely]] {
        request.bytes = request.from.size();
        return Step::done;
    }
    return self.write_now(request);
}

Step Sockets::Stream::write_vectored(StreamSocket& socket, WriteRequest& request, backend::IoSlices slices) noexcept {
    auto& self = static_cast<Stream&>(socket);
    if (!Tcp::is_writable(*self.tcb)) [[unlikely]]
        return self.write_now(request);
    const Tcp::Written written = self.tcp().write(*self.tcb, slices, self.sockets_->now_);
    request.bytes = written.bytes;
    if (written.is_all) return Step::done;
    return self.cut_short(request, written.bytes != 0);
}

// What was begun as bytes goes on so.
Step Sockets::Stream::write_buf(StreamSocket& socket, WriteRequest& request) noexcept {
    auto& self = static_cast<Stream&>(socket);
    if (request.bytes != 0) return self.write_now(request);
    switch (self.tcp().write_given(*self.tcb, *request.buffer, self.sockets_->now_)) {
        case tcp::Given::taken: request.bytes = request.from.size(); return Step::done;
        case tcp::Given::waits: self.may_write = false; return Step::pending;
        case tcp::Given::copied: break;
    }
    return write(socket, request);
}

Step Sockets::Stream::write_at_last(WriteRequest& request) noexcept {
    return request.kind == WriteKind::buffer ? write_buf(*this, request) : write_now(request);
}

bool Sockets::Stream::has_room(StreamSocket& socket) noexcept {
    auto& self = static_cast<Stream&>(socket);
    self.may_write = !Tcp::is_writable(*self.tcb) || self.tcp().has_room(*self.tcb);
    return self.may_write;
}

// --- events

void Sockets::Stream::on_ready() noexcept {
    if (connecting != nullptr && !finish_connect()) return;
    if (tcb->received_bytes != 0 || Tcp::is_at_end(*tcb)) {
        may_read = true;
        if (reader != nullptr && read_now(*reader) == Step::done) complete(*this, *reader);
    }
    if (may_write || (tcb->wants_room && Tcp::is_writable(*tcb))) return;
    may_write = true;
    // A write of "some" writes when its task runs, so that a cancelled one has written nothing.
    if (writer != nullptr && (writer->kind == WriteKind::some || write_at_last(*writer) == Step::done))
        complete(*this, *writer);
}

// False while it waits, and when that was the end of the stream.
bool Sockets::Stream::finish_connect() noexcept {
    if (tcb->state == tcp::State::syn_sent || tcb->state == tcp::State::syn_received) return false;
    backend::ConnectRequest& request = *std::exchange(connecting, nullptr);
    const bool is_made = tcb->state != tcp::State::closed || tcb->error == Errc::ok;
    if (is_made && request.setup != nullptr) set_all(request.setup->options);  // what the ends agreed on is known now
    if (!is_made) {
        request.error = Tcp::take_error(*tcb);
        request.socket = nullptr;
        abandon();
    }
    request.give_claim();
    task::current_scheduler->wake(request);
    return is_made;
}

void Sockets::Stream::abandon() noexcept {
    tcp().forget(*this);
    leave();
    delete this;
}

// --- the rest of the table

Error Sockets::Stream::take_error(StreamSocket& socket) noexcept {
    return Tcp::take_error(*static_cast<Stream&>(socket).tcb);
}

Result<> Sockets::Stream::shutdown(StreamSocket& socket, backend::ShutdownHow how) noexcept {
    auto& self = static_cast<Stream&>(socket);
    if (how != backend::ShutdownHow::read) {
        self.tcp().finish(*self.tcb, self.sockets_->now_);
        self.may_write = true;
        if (self.writer != nullptr &&
            (self.writer->kind == WriteKind::some || self.write_at_last(*self.writer) == Step::done))
            complete(self, *self.writer);
    }
    if (how != backend::ShutdownHow::write) {
        Tcp::shut_read(*self.tcb);
        self.may_read = true;
        if (self.reader != nullptr && self.read_now(*self.reader) == Step::done) complete(self, *self.reader);
    }
    return {};
}

void Sockets::Stream::close(StreamSocket* socket) noexcept {
    auto* const self = static_cast<Stream*>(socket);
    if (self->given_back != nullptr) self->tcb->resets_on_close = true;  // unread data too
    delete std::exchange(self->given_back, nullptr);
    self->tcp().close(*self, self->sockets_->now_);
    self->leave();
    delete self;
}

Result<net::SocketAddr> Sockets::Stream::local_address(StreamSocket& socket) noexcept {
    const auto& self = static_cast<Stream&>(socket);
    const tcp::Tuple& tuple = self.tcb->tuple;
    const net::IpAddr ip = self.sockets_->stack_.hosts().ip(tuple.local);
    return net::SocketAddr(self.peer.ip().is_v6() ? ip.mapped() : ip, tuple.local_port);
}

Result<backend::TcpInfo> Sockets::Stream::info(StreamSocket& socket) noexcept {
    const auto& self = static_cast<Stream&>(socket);
    return tcp::info_of(*self.tcb, self.sockets_->stack_.config().tcp);
}

// --- after the core

void Sockets::Stream::orphan() noexcept {
    tcp().forget(*this);
    sockets_ = nullptr;
    backend::orphan_stream(*this);
}

const backend::StreamOps Sockets::Stream::operations{&read,          &backend::read_each<&read>,
                                                     &write,         &write_vectored,
                                                     &write_buf,     &has_room,
                                                     &shutdown,      &close,
                                                     &set_option,    &get_option,
                                                     &local_address, &info,
                                                     &take_error,    &backend::no_descriptor};

// --- connecting

Step Sockets::connect(backend::ConnectRequest& request) noexcept {
    const auto refuse = [&request](Error error) {
        request.error = error;
        return Step::done;
    };
    if (lost_ != Errc::ok) return refuse(lost_);
    wire::Ipv4Addr to;
    if (const Errc wrong = name(request.to.ip(), to); wrong != Errc::ok) return refuse(wrong);
    if (request.to.port() == 0) return refuse(Errc::connection_refused);  // nobody listens on 0
    tcp::LocalEnd from;
    if (request.setup != nullptr) {
        if (const Errc wrong = Stream::check_setup(*request.setup); wrong != Errc::ok) return refuse(wrong);
        const net::SocketAddr local = request.setup->local.value_or(net::SocketAddr(net::IpAddr::v4(0, 0, 0, 0), 0));
        wire::Ipv4Addr own;
        if (const Errc wrong = name(local.ip(), own); wrong != Errc::ok) return refuse(wrong);
        from = {own, local.port(),
                static_cast<std::uint32_t>(request.setup->options.get(SocketOption::user_timeout_ms).value_or(0))};
        from.opening = Stream::opening_of(request.setup->options);
    }
    std::unique_ptr<Stream> stream(make_stream());
    if (stream == nullptr) return refuse(Errc::no_memory);
    auto begun = stack_.tcp().connect(*stream, to, request.to.port(), now_, from);
    if (!begun) return refuse(begun.error());
    stream->set_peer(request.to.ip().family());
    stream->connecting = &request;
    request.socket = stream.release();
    return Step::pending;
}

void Sockets::cancel_connect(backend::ConnectRequest& request) noexcept {
    if (request.socket == nullptr) return;
    auto* const stream = static_cast<Stream*>(std::exchange(request.socket, nullptr));
    if (std::exchange(stream->connecting, nullptr) != nullptr) return stream->abandon();
    stream->ops->close(stream);
}

// Nobody is told yet, so the list stays as it is.
void Sockets::fail_streams() noexcept {
    for (Stream* stream = streams_.empty() ? nullptr : &streams_.front(); stream != nullptr;
         stream = streams_.next_of(*stream))
        stack_.tcp().fail(*stream, lost_);
}

void Sockets::orphan_streams() noexcept {
    while (Stream* stream = streams_.pop_front()) stream->orphan();
}

}  // namespace skerry::stack
