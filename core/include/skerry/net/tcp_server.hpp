#pragma once

// TcpServer: a listener on every core, and a task for every connection.

#include "socket_addr.hpp"
#include "tcp_listener.hpp"
#include "tcp_stream.hpp"

#include "../base/result.hpp"
#include "../runtime/handle.hpp"
#include "../runtime/serve_together.hpp"
#include "../sync/oneshot.hpp"
#include "../task/abort_all.hpp"
#include "../task/cancel.hpp"
#include "../task/join_set.hpp"
#include "../task/select.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace skerry::net {

namespace detail {

/// Starts the task of a connection; when it cannot be made, for want of memory or because the handler threw before it
/// was one, the connection is closed, the others go on, and it counts as an exception that nobody joined.
template <class Handler, class... Args>
void start_handler(JoinSet<void>& connections, TcpStream stream, Handler& handler, Args&... args) {
#if defined(__cpp_exceptions)
    try {
        connections.spawn(handler(std::move(stream), args...));
    } catch (...) {
        task::SchedulerCounters::add(task::current_scheduler->counters().unhandled_exceptions);
    }
#else
    connections.spawn(handler(std::move(stream), args...));
#endif
}

}  // namespace detail

/// Connections of one core, served by one task each, until `stop`.
///
/// Cancel: partial: the connections of this core are aborted.
template <class Handler, class... Args>
Task<Result<>> serve_listener(TcpListener listener, CancellationToken stop, Handler handler, Args... args) {
    JoinSet<void> connections;
    for (;;) {
        auto event = co_await select_biased(stop.cancelled(), listener.accept());
        if (event.index() == 0) break;
        auto& accepted = std::get<1>(event);
        if (!accepted) co_return accepted.error();
        detail::start_handler(connections, std::move(*accepted), handler, args...);
        while (connections.try_join_next()) {  // forgets what has ended; an exception ended that task only
        }
    }
    (void)TcpListener(std::move(listener));  // closed: who connects from now on is refused, and not left waiting
    while (co_await connections.join_next()) {
    }
    co_return Result<>();
}

/// A listener on each core of the runtime, so that a connection is accepted, read and written on one core.
/// The backend spreads the connections: by SO_REUSEPORT on kernel sockets, by the NIC's queues in bypass.
///
/// Threads: the core that bound it.
class TcpServer {
public:
    /// Takes the address for this runtime. Port 0 takes a free one.
    ///
    /// Errors: as TcpListener::bind. An address that another process listens on is address_in_use, also when
    ///         that process would share it.
    [[nodiscard]] static Result<TcpServer> bind(const SocketAddr& address,
                                                int backlog = ListenOptions{}.backlog) noexcept;

    [[nodiscard]] SocketAddr local_addr() const noexcept { return listener_.local_addr(); }

    /// Accepts on every core, as soon as every core listens, and runs `handler(stream, args...)`, which returns Task<>,
    /// for each connection as a task of the core that accepted it. `args` are copied for each. After `stop` is
    /// cancelled no more connections are accepted, and it completes when the last handler has ended; a handler that
    /// should end early watches the token too. A handler that throws ends alone.
    ///
    /// Errors: the first core's that could not listen or accept; then all handlers are aborted, because a service that
    ///         has lost a core answers some of its clients and others not.
    /// Cancel: partial: every handler on every core is aborted. So `timeout(grace, ...)` bounds the drain.
    template <class Handler, class... Args>
    [[nodiscard]] Task<Result<>> serve(CancellationToken stop, Handler handler, Args... args) &&;

private:
    explicit TcpServer(TcpListener listener, ListenOptions options) noexcept
        : listener_(std::move(listener)), options_(options) {}

    template <class Handler, class... Args>
    static Task<Result<>> bind_and_serve(SocketAddr address, ListenOptions options,
                                         sync::oneshot::Sender<std::monostate> listening, CancellationToken stop,
                                         Handler handler, Args... args) {
        auto listener = TcpListener::bind(address, options);
        if (!listener) co_return listener.error();
        (void)listening.send(std::monostate());
        auto served =
            co_await serve_listener(std::move(*listener), std::move(stop), std::move(handler), std::move(args)...);
        co_return served;
    }

    // Until every core listens nobody is let in: what connections take, memory before all, a core that comes late would
    // lack, and those of the others would be aborted. Who cannot listen drops its end, and its error ends all.
    template <class Handler, class... Args>
    static Task<Result<>> serve_behind(std::vector<sync::oneshot::Receiver<std::monostate>> others,
                                       TcpListener listener, CancellationToken stop, Handler handler, Args... args) {
        for (const auto& other : others) (void)co_await other.recv();
        auto served =
            co_await serve_listener(std::move(listener), std::move(stop), std::move(handler), std::move(args)...);
        co_return served;
    }

    TcpListener listener_;
    ListenOptions options_;
};

template <class Handler, class... Args>
Task<Result<>> TcpServer::serve(CancellationToken stop, Handler handler, Args... args) && {
    const SocketAddr address = local_addr();
    AbortAll<Result<>> others;
    std::vector<sync::oneshot::Receiver<std::monostate>> listening;
    for (std::size_t i = 0; i < core_count(); ++i) {
        const task::CoreId core(static_cast<std::uint16_t>(i));
        if (core == this_core()) continue;
        auto [sender, receiver] = sync::oneshot::channel<std::monostate>();
        listening.push_back(std::move(receiver));
        others.handles.push_back(
            spawn_on(core, runtime::detail::call_here<Result<>>(&TcpServer::bind_and_serve<Handler, Args...>, address,
                                                                options_, std::move(sender), stop, handler, args...)));
    }
    auto here = serve_behind(std::move(listening), std::move(listener_), std::move(stop), std::move(handler),
                             std::move(args)...);
    auto served = co_await runtime::serve_together(std::move(here), std::move(others));
    co_return served;
}

}  // namespace skerry::net
