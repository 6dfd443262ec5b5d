#include "joined_datagrams.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/stack/ports/same_number.hpp>

#include <algorithm>
#include <utility>

namespace skerry::stack {

using backend::Datagram;
using backend::DatagramSocket;
using backend::RecvRequest;
using backend::SendRequest;
using backend::SocketOption;
using backend::Step;

// --- opening and closing

JoinedDatagrams::JoinedDatagrams(PortsSockets& ports, const backend::BindOptions& options) noexcept
    : ports_(&ports), bind_options_(options) {
    ops = &operations;
    home = ports.home_;
    may_receive = false;
    ports.datagrams_.push_back(*this);
    ++ports.joined_;
}

JoinedDatagrams::~JoinedDatagrams() {
    if (ports_ != nullptr) leave();
}

Result<std::uint16_t> JoinedDatagrams::open_part(std::size_t at, const net::SocketAddr& wanted) noexcept {
    auto part = ports_->port(at).bind(wanted, bind_options_, *this);
    if (!part) return part.error();
    parts_[at] = *part;
    ++ports_->parts_;
    return (*part)->local.port();
}

Result<> JoinedDatagrams::open(const net::SocketAddr& address) noexcept {
    const auto number = open_same_number(
        ports_->count(), address,
        [this](std::size_t at, const net::SocketAddr& wanted) { return open_part(at, wanted); },
        [this] { close_all(); });
    if (!number) return number.error();
    local = address.with_port(*number);
    return {};
}

void JoinedDatagrams::close_part(std::size_t at) noexcept {
    if (parts_[at] == nullptr) return;
    parts_[at]->ops->close(std::exchange(parts_[at], nullptr));
    --ports_->parts_;
}

void JoinedDatagrams::close_all() noexcept {
    for (std::size_t at = 0; at < parts_.size(); ++at) close_part(at);
}

void JoinedDatagrams::leave() noexcept {
    close_all();
    if (ListLink& link = *this; link.is_linked()) link.unlink();
    --ports_->joined_;
    ports_ = nullptr;
}

void JoinedDatagrams::orphan() noexcept {
    leave();
    backend::orphan_datagrams(*this);
}

// Of those whose port is there, if any is.
std::size_t JoinedDatagrams::first_part() const noexcept {
    std::size_t first = parts_.size();
    for (std::size_t at = ports_->count(); at-- > 0;) {
        if (parts_[at] == nullptr) continue;
        if (first == parts_.size() || !ports_->port(at).is_lost() || ports_->port(first).is_lost()) first = at;
    }
    return first;
}

std::size_t JoinedDatagrams::part_or_first(std::size_t at) const noexcept {
    return parts_[at] != nullptr ? at : first_part();
}

bool JoinedDatagrams::has_room() const noexcept {
    return std::all_of(parts_.begin(), parts_.end(),
                       [](const DatagramSocket* part) { return part == nullptr || part->may_send; });
}

void JoinedDatagrams::on_ready() noexcept {
    may_receive = true;
    if (receiver != nullptr && receive_now(*receiver) == Step::done) complete(*this, *receiver);
    if (may_send || !has_room()) return;
    may_send = true;
    if (sender != nullptr) complete(*this, *sender);  // it sends when its task runs
}

// --- receiving

Step JoinedDatagrams::receive_now(RecvRequest& request) noexcept {
    const std::size_t count = ports_->count();
    bool any_left = false;
    Error gone;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = (next_ + i) % count;
        DatagramSocket* const part = parts_[at];
        if (part == nullptr) continue;
        if (!part->may_receive || part->ops->receive(*part, request) == Step::pending) {
            any_left = true;
            continue;
        }
        if (request.error.code() != Errc::ok && ports_->port(at).is_lost()) [[unlikely]] {
            gone = std::exchange(request.error, Error());
            continue;
        }
        next_ = at + 1;
        tell_scopes(request, at);
        if (tells_local_) [[unlikely]]
            tell_interface(request, at);
        return Step::done;
    }
    if (!any_left) [[unlikely]] {
        request.error = gone;
        return Step::done;
    }
    may_receive = false;
    return Step::pending;
}

// So that an answer goes back by the port of the question.
void JoinedDatagrams::tell_scopes(RecvRequest& request, std::size_t at) const noexcept {
    const auto tell = [at](net::SocketAddr& peer) {
        if (peer.ip().is_v6() && peer.ip().is_link_local())
            peer = net::SocketAddr(peer.ip(), peer.port(), static_cast<std::uint32_t>(at + 1));
    };
    if (request.batch.empty()) {
        if (request.peer != nullptr) tell(*request.peer);
        return;
    }
    for (Datagram& each : request.batch.first(request.count)) tell(each.peer);
}

// Each port's stack knows of one interface. What came before it was told has none.
void JoinedDatagrams::tell_interface(RecvRequest& request, std::size_t at) const noexcept {
    for (Datagram& each : request.batch.first(request.batch.empty() ? 0 : request.count))
        if (each.interface_index != 0) each.interface_index = static_cast<std::uint32_t>(at + 1);
}

// --- sending

std::size_t JoinedDatagrams::wanted_port(const net::SocketAddr& peer) const noexcept {
    if (peer.ip().unmapped().is_multicast() && multicast_interface_ != 0) return multicast_interface_ - 1;
    return ports_->port_to(peer);
}

std::size_t JoinedDatagrams::port_to(const net::SocketAddr& peer) const noexcept {
    return part_or_first(wanted_port(peer));
}

std::size_t JoinedDatagrams::port_for(const Datagram& datagram) const noexcept {
    if (connected) return connected_to_;
    if (sends_by_local_) {
        if (datagram.interface_index != 0 && datagram.interface_index <= ports_->count())
            return part_or_first(datagram.interface_index - 1);
        if (const auto own = ports_->port_of(datagram.local.unmapped())) return part_or_first(*own);
    }
    return port_to(datagram.peer);
}

Step JoinedDatagrams::wait_for_room() noexcept {
    may_send = false;
    return Step::pending;
}

Step JoinedDatagrams::send_now(SendRequest& request, SendOp op) noexcept {
    if (!request.batch.empty()) return send_batch(request, op);
    std::size_t at = connected ? connected_to_ : first_part();
    if (request.to != nullptr) at = connected ? connected_to_ : port_to(*request.to);
    DatagramSocket& part = *parts_[at];
    return (part.ops->*op)(part, request) == Step::done ? Step::done : wait_for_room();
}

// Those in a row that leave by one port are one call of it.
Step JoinedDatagrams::send_batch(SendRequest& request, SendOp op) noexcept {
    while (request.count < request.batch.size()) {
        const auto rest = request.batch.subspan(request.count);
        const std::size_t at = port_for(rest.front());
        std::size_t run = 1;
        while (run < rest.size() && port_for(rest[run]) == at) ++run;
        DatagramSocket& part = *parts_[at];
        SendRequest some(rest.first(run));
        const Step step = (part.ops->*op)(part, some);
        request.count += some.count;
        // What was sent counts; the error comes with the next call, whose first datagram it concerns.
        if (some.error.code() != Errc::ok && request.count == 0) request.error = some.error;
        if (step == Step::pending) return wait_for_room();
        if (some.count < run) return Step::done;
    }
    return Step::done;
}

// --- the rest of the table

Result<> JoinedDatagrams::connect_to(const net::SocketAddr& peer) noexcept {
    std::size_t at = wanted_port(peer);
    if (parts_[at] == nullptr && connected) {
        if (auto opened = open_part(at, local); !opened) return opened.error();
        (void)options_.apply(
            [&](SocketOption option, int value) { return parts_[at]->ops->set_option(*parts_[at], option, value); });
    }
    at = part_or_first(at);
    if (auto done = parts_[at]->ops->connect(*parts_[at], peer); !done) {
        if (connected && at != connected_to_) close_part(at);
        return done;
    }
    for (std::size_t other = 0; other < parts_.size(); ++other)
        if (other != at) close_part(other);
    connected = true;
    connected_to_ = at;
    on_ready();
    return {};
}

Result<> JoinedDatagrams::join(DatagramSocket& socket, const backend::Membership& membership,
                               backend::MembershipChange change) noexcept {
    auto& self = static_cast<JoinedDatagrams&>(socket);
    if (membership.interface_index > self.ports_->count()) return Errc::not_found;
    const std::size_t at = membership.interface_index == 0 ? self.first_part() : membership.interface_index - 1;
    DatagramSocket* const part = self.parts_[at];
    if (part == nullptr) return Errc::not_found;
    backend::Membership own = membership;
    own.interface_index = 0;
    return part->ops->join(*part, own, change);
}

Result<> JoinedDatagrams::set(SocketOption option, int value) noexcept {
    if (option == SocketOption::multicast_interface) {
        if (value < 0 || static_cast<std::size_t>(value) > ports_->count()) return Errc::not_found;
        multicast_interface_ = static_cast<std::uint32_t>(value);
        return {};
    }
    for (DatagramSocket* const part : parts_)
        if (part != nullptr)
            if (auto done = part->ops->set_option(*part, option, value); !done) return done;
    if (option == SocketOption::receive_local) tells_local_ = value != 0;
    if (option == SocketOption::send_local) sends_by_local_ = value != 0;
    options_.set(option, value);
    return {};
}

Result<int> JoinedDatagrams::get(SocketOption option) noexcept {
    if (option == SocketOption::multicast_interface) return static_cast<int>(multicast_interface_);
    DatagramSocket& part = *parts_[first_part()];
    return part.ops->get_option(part, option);
}

Step JoinedDatagrams::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    return static_cast<JoinedDatagrams&>(socket).receive_now(request);
}
Step JoinedDatagrams::send(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<JoinedDatagrams&>(socket).send_now(request, &backend::DatagramOps::send);
}
Step JoinedDatagrams::send_buf(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<JoinedDatagrams&>(socket).send_now(request, &backend::DatagramOps::send_buf);
}
Step JoinedDatagrams::send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<JoinedDatagrams&>(socket).send_now(request, &backend::DatagramOps::send_segmented);
}
Result<> JoinedDatagrams::connect(DatagramSocket& socket, const net::SocketAddr& peer) noexcept {
    return static_cast<JoinedDatagrams&>(socket).connect_to(peer);
}
void JoinedDatagrams::close(DatagramSocket* socket) noexcept {
    delete std::exchange(socket->given_back, nullptr);
    delete static_cast<JoinedDatagrams*>(socket);
}
Result<> JoinedDatagrams::set_option(DatagramSocket& socket, SocketOption option, int value) noexcept {
    return static_cast<JoinedDatagrams&>(socket).set(option, value);
}
Result<int> JoinedDatagrams::get_option(DatagramSocket& socket, SocketOption option) noexcept {
    return static_cast<JoinedDatagrams&>(socket).get(option);
}

const backend::DatagramOps JoinedDatagrams::operations{&receive, &send,  &send_buf,   &send_segmented, &connect,
                                                       &join,    &close, &set_option, &get_option};

}  // namespace skerry::stack
