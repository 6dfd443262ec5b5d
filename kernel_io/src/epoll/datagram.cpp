#include "datagram.hpp"

#include "../socket_tables.hpp"
#include "../system_call.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <cerrno>

namespace skerry::kernel_io::epoll {

using backend::DatagramSocket;
using backend::SendRequest;
using backend::Step;

DatagramPort::DatagramPort(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

Result<> DatagramPort::watch(std::uint32_t events) noexcept {
    return core().poller().modify(fd(), *this, events | (arrivals_.are_single() ? 0U : EPOLLET));
}

SKERRY_NOINLINE void DatagramPort::on_any_events(std::uint32_t events) noexcept {
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) on_events(EPOLLIN);
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (!may_send) (void)watch(EPOLLIN);  // cannot fail: it shrinks what is there
    serve_sender();
}

// --- sending

Step DatagramPort::send(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_now(request);
}

Step DatagramPort::send_marked(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_marked_now(request);
}

Step DatagramPort::send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).send_segmented_now(request);
}

// The kernel wakes for EPOLLOUT whenever a datagram has left the socket's buffer, also when there was room all
// the time. So room is asked for only when it is missing.
Result<> DatagramPort::ask_for_room() noexcept { return watch(EPOLLIN | EPOLLOUT); }

// --- the rest of the table

void DatagramPort::close(DatagramSocket* socket) noexcept {
    auto* const port = static_cast<DatagramPort*>(socket);
    delete std::exchange(port->given_back, nullptr);
    port->retire();
}

void DatagramPort::orphan() noexcept {
    close_fd();
    forget_core();
    backend::orphan_datagrams(*this);
}

constexpr backend::DatagramOps DatagramPort::operations_with(decltype(backend::DatagramOps::send) sends) noexcept {
    using Table = DatagramTable<DatagramPort>;
    return {&receive,          sends, sends, &send_segmented, &Table::connect, &Table::join, &close, &Table::set_option,
            &Table::get_option};
}

constinit const backend::DatagramOps DatagramPort::operations = operations_with(&send);
constinit const backend::DatagramOps DatagramPort::operations_marked = operations_with(&send_marked);

}  // namespace skerry::kernel_io::epoll
