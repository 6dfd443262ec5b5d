#pragma once

// The socket calls of POSIX, by descriptor. A call is made at the present instant, and what it makes the stack send
// leaves at that instant. One that has to wait is handed out unfinished and ends while time goes on.
//
// calls.cpp has descriptors and names, calls_transfer.cpp the data, calls_ready.cpp poll() and epoll.

#include "call.hpp"
#include "descriptors.hpp"
#include "epoll_set.hpp"
#include "socket_calls.hpp"
#include "waiting_calls.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace skerry::pkt {

/// Of our stack.
///
/// Lifetime: `home` and what it names outlive it. At its end all sockets are closed.
class Calls final : public SocketCalls {
public:
    Calls(SocketHome& home, std::size_t descriptors_most);
    ~Calls() override;

    Call socket(int domain, int type, int protocol) override;
    Call close(int fd) override;
    Call dup(int fd) override;
    Call fcntl(int fd, int command, int argument) override;
    Call ioctl(int fd, unsigned long request) override;

    Call bind(int fd, const net::SocketAddr& address) override;
    Call listen(int fd, int backlog) override;
    Call accept(int fd, int flags = 0) override;
    Call connect(int fd, const net::SocketAddr& to) override;
    Call shutdown(int fd, int how) override;
    Call getsockname(int fd) override;
    Call getpeername(int fd) override;
    Call setsockopt(int fd, int level, int name, const OptionValue& value) override;
    Call getsockopt(int fd, int level, int name) override;

    Call read(int fd, std::size_t bytes) override;
    Call readv(int fd, const std::vector<std::size_t>& lengths) override;
    Call receive(int fd, std::size_t bytes, int flags) override;
    Call write(int fd, std::vector<std::byte> data) override;
    Call writev(int fd, const std::vector<std::vector<std::byte>>& slices) override;
    Call send(int fd, std::vector<std::byte> data, int flags, std::optional<net::SocketAddr> to = {}) override;

    Call poll(std::vector<PollEntry> entries, int timeout_ms) override;
    Call epoll_create(int size) override;
    Call epoll_create1(int flags) override;
    Call epoll_ctl(int epoll_fd, int operation, int fd, const EpollEvent& event) override;
    Call epoll_wait(int epoll_fd, int events_most, int timeout_ms) override;

    /// Of those that wait.
    [[nodiscard]] time::Instant next_deadline() const { return waiting_.next_deadline(); }
    [[nodiscard]] const Descriptors& descriptors() const noexcept { return descriptors_; }

private:
    using Operation = std::function<Attempt(Description&)>;
    struct Deadline {
        time::Instant at = time::Instant::max();
        std::function<Attempt()> outcome;
    };

    [[nodiscard]] Call finish(Attempt outcome);
    /// Of one descriptor, and over at once.
    [[nodiscard]] Call on(int fd, const Operation& operation);
    /// Tries it, and lets it wait if it has to and may; `if_not` is what it gives when it may not.
    [[nodiscard]] Call begin(std::vector<std::shared_ptr<Description>> targets, std::function<Attempt()> attempt,
                             bool may_wait, Attempt if_not);
    [[nodiscard]] Call begin_until(std::vector<std::shared_ptr<Description>> targets, std::function<Attempt()> attempt,
                                   Deadline deadline);
    [[nodiscard]] Call keep(WaitingCalls::Waiting waiting, Attempt outcome);
    [[nodiscard]] Attempt make_socket(int domain, int type, int protocol);
    [[nodiscard]] Attempt open(std::shared_ptr<Description> description);
    [[nodiscard]] Attempt accept_one(Description& listener, int flags);
    [[nodiscard]] static Attempt poll_once(std::vector<PollEntry> entries,
                                           const std::vector<std::shared_ptr<Description>>& targets);
    [[nodiscard]] Deadline deadline_after(int timeout_ms) const;

    SocketHome& home_;
    Engine& engine_;
    Descriptors descriptors_;
    WaitingCalls waiting_;
};

}  // namespace skerry::pkt
