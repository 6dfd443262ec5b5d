#include "service.hpp"

#include "common/backends.hpp"
#include "common/report.hpp"
#include "common/start_line.hpp"
#include "common/stop_signals.hpp"
#include "listen_advice.hpp"
#include "stop.hpp"
#include "tcp.hpp"
#include "udp.hpp"

#include <skerry/net/resolve.hpp>
#include <skerry/net/stack_network.hpp>
#include <skerry/net/tcp_server.hpp>
#include <skerry/signal/signal.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/error_of.hpp>
#include <skerry/task/select.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/trace/notice.hpp>

#include <chrono>
#include <csignal>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skerry::echo {

namespace {

/// What is bound. Serving begins when everything is, so that a start line is true.
struct Bound {
    std::vector<net::TcpServer> tcp;
    std::vector<net::UdpSocket> udp;
    std::vector<net::SocketAddr> addresses;
};

/// Why an address could not be bound; where that is in doubt, what to do about it.
struct BindError {
    Error error;
    std::string doing;
    std::string next_step;
};

std::string not_ours(const apps::ListenAddress& address, std::string_view ip6) {
    if (const auto own = net::stack_network()) return listen_advice(*own, ip6, address);
    return "no interface here has " + address.host + "; ip address lists them";
}

std::string next_step_for(const Error& error, const apps::ListenAddress& address, std::string_view ip6) {
    switch (error.code()) {
        case Errc::address_in_use: return "choose another port, or end the program that has it: ss -lpn";
        case Errc::permission_denied: return "ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one";
        case Errc::address_not_available: return not_ours(address, ip6);
        case Errc::no_descriptors: return "raise the limit with ulimit -n";
        default: return {};
    }
}

/// What to do when serving has ended by that error.
std::string_view next_step_after(const Error& error) {
    switch (error.code()) {
        case Errc::no_descriptors: return "raise the limit with ulimit -n";
        case Errc::no_memory: return apps::more_memory;
        default: return {};
    }
}

Task<Result<net::SocketAddr, BindError>> address_of(const apps::ListenAddress& listen) {
    auto found = co_await net::resolve(listen.host, listen.port);
    if (!found) co_return BindError{found.error(), "cannot find the address of " + listen.host, {}};
    co_return found->front();
}

Result<void, BindError> bind_one(const Settings& settings, const apps::ListenAddress& listen,
                                 const net::SocketAddr& address, Bound& bound) {
    const auto refused = [&](const Error& error) {
        return BindError{error, "cannot listen on " + listen.text,
                         next_step_for(error, listen, settings.shared.runtime.ip6)};
    };
    if (settings.proto == Proto::udp) {
        auto socket = bind_udp(address);
        if (!socket) return refused(socket.error());
        bound.addresses.push_back(socket->local_addr());
        bound.udp.push_back(std::move(*socket));
        return {};
    }
    auto server = net::TcpServer::bind(address);
    if (!server) return refused(server.error());
    bound.addresses.push_back(server->local_addr());
    bound.tcp.push_back(std::move(*server));
    return {};
}

Task<Result<Bound, BindError>> bind_all(const Settings& settings) {
    Bound bound;
    for (const apps::ListenAddress& listen : settings.shared.listen) {
        auto address = co_await address_of(listen);
        if (!address) co_return std::move(address).error();
        auto done = bind_one(settings, listen, *address, bound);
        if (!done) co_return std::move(done).error();
    }
    co_return std::move(bound);
}

/// A server goes on when nobody reads what it prints; the line on standard error is all that can be done.
void print_start_lines(const Settings& settings, const runtime::Runtime& runtime, const Bound& bound) {
    // Only now: a server that cannot start says one line, and that is why.
    for (const std::string& rung : runtime.ladder()) trace::notice(rung);
    apps::note_unused_network(settings.shared.runtime, runtime);
    std::string lines;
    for (const net::SocketAddr& address : bound.addresses) {
        apps::StartLine line;
        line.program = "skerry-echo";
        line.service = std::string(to_string(settings.proto)) + " " + std::string(to_string(settings.mode));
        line.address = net::to_string(address);
        line.backend = runtime.driver();
        line.backend_reason = runtime.reason();
        lines += apps::format_start_line(line, runtime.plan()) + "\n";
    }
    (void)apps::print(lines);
}

/// Serves everything that is bound until `stop`; the first error of any.
Task<Result<>> serve_all(Bound bound, Mode mode, Cores* cores, CancellationToken stop) {
    JoinSet<Result<>> services;
    for (net::TcpServer& server : bound.tcp) services.spawn(std::move(server).serve(stop, handler_for(mode), cores));
    for (net::UdpSocket& socket : bound.udp) services.spawn(serve_udp(std::move(socket), mode, cores));
    while (auto ended = co_await services.join_next()) {
        if (!*ended) co_return error_of(ended->error());
        if (!**ended) co_return (**ended).error();
    }
    co_return Result<>();
}

struct Signals {
    apps::StopSignals stop;
    signal::Signal user;

    static Result<Signals> listen() {
        auto stop = apps::StopSignals::listen();
        if (!stop) return stop.error();
        auto user = signal::Signal::listen(SIGUSR1);
        if (!user) return user.error();
        return Signals{std::move(*stop), std::move(*user)};
    }
};

/// On a thread of its own, off the core and out of the blocking pool: a pipe that nobody reads blocks for ever, and the
/// end of the runtime does not wait for that.
Task<> print_beside(std::string text) {
    auto ends = sync::oneshot::channel<int>();
    std::thread([what = std::move(text), done = std::move(ends.first)]() mutable {
        (void)std::move(done).send(apps::print(what));
    }).detach();
    (void)co_await ends.second.recv();
}

/// False when it is time to stop.
Task<Result<bool>> tell_once(signal::Signal* request, Cores* cores, const CancellationToken* stop) {
    auto event = co_await select(request->recv(), stop->cancelled());
    if (event.index() == 1) co_return false;
    if (const auto& asked = std::get<0>(event); !asked) co_return asked.error();
    const Snapshot snapshot = co_await cores->snapshot();
    co_await print_beside(to_json(snapshot));
    co_return true;
}

/// Prints the numbers whenever somebody asks for them. While there is no memory or no thread to tell with, the server
/// goes on, and who asks later is told. At a stop what is being printed is printed to its end.
Task<Result<>> tell_on_request(signal::Signal request, Cores* cores, CancellationToken stop) {
    for (;;) {
        try {
            auto told = co_await tell_once(&request, cores, &stop);
            if (!told) co_return told.error();
            if (!*told) co_return Result<>();
            continue;
        } catch (const std::bad_alloc&) {
        } catch (const std::system_error&) {
        }
        co_await time::sleep(std::chrono::milliseconds{10});
    }
}

/// A task's outcome and how the task ended in one.
Result<> outcome_of(const Result<Result<>, JoinError>& ended) {
    if (!ended) return error_of(ended.error());
    return *ended;
}

/// Until what has come is answered and what was asked for is printed.
Task<> end_in_order(Task<> draining, JoinHandle<Result<>>* telling) {
    co_await std::move(draining);
    (void)co_await *telling;
}

}  // namespace

Task<Served> serve(const Settings& settings, const runtime::Runtime& runtime, Cores& cores) {
    auto bound = co_await bind_all(settings);
    if (!bound) {
        const BindError& error = bound.error();
        co_return Served{apps::report(error.error, error.doing, error.next_step), {}};
    }
    // Before the start line: whoever has read it may send a signal.
    auto signals = Signals::listen();
    if (!signals)
        co_return Served{apps::report(signals.error(), "cannot listen to SIGTERM, SIGINT and SIGUSR1",
                                      "raise the limit of descriptors with ulimit -n"),
                         {}};
    Stop stop(cores, settings.shared.runtime.grace);
    auto telling = spawn(tell_on_request(std::move(signals->user), &cores, stop.begun()));
    auto ending = end_in_order(stop.drained(), &telling);
    auto last_numbers = stop.last_numbers();
    auto stop_signal = signals->stop.requested();
    auto hurried = signals->stop.requested();
    print_start_lines(settings, runtime, *bound);

    auto serving = spawn(serve_all(std::move(*bound), settings.mode, &cores, stop.begun()));
    auto event = co_await select(serving, std::move(stop_signal), telling);
    if (event.index() == 0) {
        auto& ended = std::get<0>(event);
        const Result<> outcome = outcome_of(ended);
        const Error error = outcome ? Error(Errc::cancelled) : outcome.error();
        co_return Served{apps::report(error, "cannot serve any more", next_step_after(error)), {}};
    }
    const auto heard = event.index() == 1 ? std::get<1>(event) : outcome_of(std::get<2>(event));
    if (!heard) co_return Served{apps::report(heard.error(), "cannot wait for signals"), {}};
    const std::chrono::nanoseconds grace = settings.shared.runtime.grace;
    (void)co_await select(std::move(ending), std::move(hurried), time::sleep(grace));
    serving.abort();
    (void)co_await serving;
    telling.abort();
    Served served;
    served.last = co_await std::move(last_numbers);
    co_return served;
}

}  // namespace skerry::echo
