#include "calls.hpp"

#include "tcp_socket.hpp"
#include "udp_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <utility>

namespace skerry::pkt {

Calls::Calls(SocketHome& home, std::size_t descriptors_most)
    : home_(home), engine_(home.engine), descriptors_(descriptors_most) {
    engine_.set_waiting([this] { return waiting_.retry(engine_.now()); });
}

Calls::~Calls() { engine_.set_waiting(nullptr); }

// --- beginnings and ends

Call Calls::finish(Attempt outcome) {
    SKERRY_ASSERT(!would_block(outcome), "a call that cannot wait has to");
    return keep({}, std::move(outcome));
}

// What the call made the stack do is done at the same instant.
Call Calls::keep(WaitingCalls::Waiting waiting, Attempt outcome) {
    const bool waits = would_block(outcome);
    auto state = std::make_shared<Call::State>();
    state->began = state->ended = engine_.now();
    state->outcome = std::move(outcome);
    waiting.call = state;
    if (waits) waiting_.add(std::move(waiting));
    engine_.settle();
    return Call(std::move(state));
}

Call Calls::on(int fd, const Operation& operation) {
    const std::shared_ptr<Description> target = descriptors_.find(fd);
    return finish(target == nullptr ? Attempt(failure(EBADF)) : operation(*target));
}

Call Calls::begin(std::vector<std::shared_ptr<Description>> targets, std::function<Attempt()> attempt, bool may_wait,
                  Attempt if_not) {
    Attempt outcome = attempt();
    if (would_block(outcome) && !may_wait) outcome = std::move(if_not);
    return keep({nullptr, std::move(attempt), std::move(targets), time::Instant::max(), nullptr}, std::move(outcome));
}

Call Calls::begin_until(std::vector<std::shared_ptr<Description>> targets, std::function<Attempt()> attempt,
                        Deadline deadline) {
    Attempt outcome = attempt();
    if (would_block(outcome) && deadline.at <= engine_.now()) outcome = deadline.outcome();
    return keep({nullptr, std::move(attempt), std::move(targets), deadline.at, std::move(deadline.outcome)},
                std::move(outcome));
}

// --- descriptors

Attempt Calls::open(std::shared_ptr<Description> description) {
    if (!descriptors_.has_room()) return failure(EMFILE);
    return success(descriptors_.open(std::move(description)));
}

Attempt Calls::make_socket(int domain, int type, int protocol) {
    if (domain != AF_INET && domain != AF_INET6) return unsupported("socket() of domain " + std::to_string(domain));
    const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    // A socket of AF_INET6 is of both families on Linux, and of one on FreeBSD (net.inet6.ip6.v6only).
    const Family family{domain == AF_INET6, domain == AF_INET6 && home_.flavour == Flavour::freebsd};
    std::shared_ptr<Description> made;
    if (kind == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP))
        made = std::make_shared<TcpSocket>(home_, family);
    if (kind == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP))
        made = std::make_shared<UdpSocket>(home_, family);
    if (made == nullptr)
        return unsupported("socket() of type " + std::to_string(kind) + ", protocol " + std::to_string(protocol));
    made->is_nonblocking = (type & SOCK_NONBLOCK) != 0;
    return open(std::move(made));
}

Call Calls::socket(int domain, int type, int protocol) { return finish(make_socket(domain, type, protocol)); }

// A kernel lets a call that waits go on with what was closed under it.
Call Calls::close(int fd) {
    std::shared_ptr<Description> target = descriptors_.find(fd);
    if (target == nullptr) return finish(failure(EBADF));
    if (descriptors_.count(*target) == 1 && waiting_.has_one_on(*target))
        return finish(unsupported("close() of a descriptor on which a call waits"));
    target.reset();
    descriptors_.close(fd);
    return finish(success());
}

Call Calls::dup(int fd) {
    std::shared_ptr<Description> target = descriptors_.find(fd);
    return finish(target == nullptr ? Attempt(failure(EBADF)) : open(std::move(target)));
}

Call Calls::fcntl(int fd, int command, int argument) {
    return on(fd, [=](Description& target) -> Attempt {
        if (command == F_GETFL) return success(O_RDWR | (target.is_nonblocking ? O_NONBLOCK : 0));
        if (command != F_SETFL) return unsupported("fcntl() command " + std::to_string(command));
        if ((argument & ~(O_ACCMODE | O_NONBLOCK)) != 0)
            return unsupported("F_SETFL of other flags than O_NONBLOCK: " + std::to_string(argument));
        target.is_nonblocking = (argument & O_NONBLOCK) != 0;
        return success();
    });
}

Call Calls::ioctl(int fd, unsigned long request) {
    return on(fd, [=](Description& target) { return target.io_control(request); });
}

// --- names and connections

Call Calls::bind(int fd, const net::SocketAddr& address) {
    return on(fd, [&](Description& target) { return target.bind(address); });
}

Call Calls::listen(int fd, int backlog) {
    return on(fd, [=](Description& target) { return target.listen(backlog); });
}

// The descriptor is looked for before the connection, so none is lost for want of one.
Attempt Calls::accept_one(Description& listener, int flags) {
    if (!descriptors_.has_room()) return failure(EMFILE);
    std::shared_ptr<Description> made;
    Attempt outcome = listener.accept(made);
    if (made == nullptr) return outcome;
    if ((flags & SOCK_NONBLOCK) != 0) made->is_nonblocking = true;
    std::get<Returned>(outcome).value = descriptors_.open(std::move(made));
    return outcome;
}

Call Calls::accept(int fd, int flags) {
    const std::shared_ptr<Description> listener = descriptors_.find(fd);
    if (listener == nullptr) return finish(failure(EBADF));
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) return finish(failure(EINVAL));
    return begin(
        {listener}, [this, listener, flags] { return accept_one(*listener, flags); }, !listener->is_nonblocking,
        failure(EAGAIN));
}

// The first attempt begins, the others ask how it fares.
Call Calls::connect(int fd, const net::SocketAddr& to) {
    const std::shared_ptr<Description> target = descriptors_.find(fd);
    if (target == nullptr) return finish(failure(EBADF));
    if (target->is_connecting() && !target->is_nonblocking)
        return finish(unsupported("a connect() that waits for one that was begun before"));
    auto attempt = [target, to, is_begun = false]() mutable {
        return std::exchange(is_begun, true) ? target->connected() : target->connect(to);
    };
    return begin({target}, std::move(attempt), !target->is_nonblocking, failure(EINPROGRESS));
}

Call Calls::shutdown(int fd, int how) {
    return on(fd, [=](Description& target) { return target.shutdown(how); });
}

Call Calls::getsockname(int fd) {
    return on(fd, [](Description& target) { return target.local_address(); });
}

Call Calls::getpeername(int fd) {
    return on(fd, [](Description& target) { return target.peer_address(); });
}

Call Calls::setsockopt(int fd, int level, int name, const OptionValue& value) {
    return on(fd, [&](Description& target) { return target.set_option(level, name, value); });
}

Call Calls::getsockopt(int fd, int level, int name) {
    return on(fd, [=](Description& target) { return target.get_option(level, name); });
}

}  // namespace skerry::pkt
