#include "client_conduct.hpp"

#include "progress.hpp"

#include <skerry/net/resolve.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/task/error_of.hpp>
#include <skerry/task/select.hpp>
#include <skerry/time/timeout.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace skerry::loadgen {

namespace {

/// The cores' clients, each made and dropped by its own core.
struct Clients {
    const Settings& settings;
    std::optional<net::SocketAddr> server = {};
    std::vector<JoinHandle<Result<>>> preparing = {};  ///< what the cores do before the run
    std::vector<std::unique_ptr<CoreClient>> cores = std::vector<std::unique_ptr<CoreClient>>(core_count());

    [[nodiscard]] std::unique_ptr<CoreClient>& here() noexcept { return cores[this_core().index]; }
};

Task<Result<>> connect_here(Clients* clients) {
    clients->here() =
        std::make_unique<CoreClient>(clients->settings, *clients->server, this_core().index, clients->cores.size());
    auto connected = co_await clients->here()->connect();
    co_return connected;
}

Task<Result<>> watch_here(Clients* clients) {
    co_await clients->here()->watch_jitter();
    co_return Result<>();
}

Task<> run_here(Clients* clients, time::Instant start) { co_await clients->here()->run(start); }

Task<> stop_here(Clients* clients, Nanos patience) { co_await clients->here()->stop(patience); }

Task<> close_here(Clients* clients) {
    clients->here().reset();
    co_return;
}

/// Calls `fn(clients, args...)` on every core and waits for all.
template <class F, class... Args>
Task<> on_all(F fn, Clients* clients, Args... args) {
    auto all = on_each_core(fn, clients, args...);
    for (auto& handle : all) (void)co_await handle;
}

/// Waits for what the cores prepare.
///
/// Errors: one of a core.
/// Cancel: safe: give_up_preparing() ends what is left.
Task<Result<>> prepared(Clients* clients) {
    Result<> failed;
    while (!clients->preparing.empty()) {
        auto one = co_await clients->preparing.back();
        clients->preparing.pop_back();
        if (!one)
            failed = error_of(one.error());
        else if (!*one)
            failed = *one;
    }
    co_return failed;
}

Task<> give_up_preparing(Clients* clients) {
    for (const auto& handle : clients->preparing) handle.abort();
    for (auto& handle : clients->preparing) (void)co_await handle;
    clients->preparing.clear();
}

Task<> show_progress(Progress* progress, const Clients* clients, time::Instant start) {
    for (;;) {
        co_await time::sleep(std::chrono::seconds{1});
        Recorder::Totals totals;
        for (const auto& core : clients->cores) {
            const Recorder::Totals shown = core->shown();
            totals.sent += shown.sent;
            totals.received += shown.received;
            totals.errors += shown.errors;
            totals.late += shown.late;
        }
        const auto line = progress->line(time::Instant::now() - start, totals);
        if (line) std::fputs(line->c_str(), stderr);
    }
}

/// Lets what is under way be answered; a second signal ends that too.
Task<> end_early(Clients* clients, apps::StopSignals* signals, JoinHandle<void>& running) {
    auto stopping = spawn(on_all(&stop_here, clients, clients->settings.timeout));
    auto again = signals->requested();
    auto event = co_await select(running, std::move(again));
    if (event.index() == 1) {
        co_await on_all(&stop_here, clients, Nanos{0});
        (void)co_await running;
    }
    (void)co_await stopping;
}

std::string refusal_for(const Settings& settings, const Error& error) {
    std::string line = "cannot reach " + settings.connect.text + " by " + std::string(to_string(settings.proto)) + ": ";
    if (error == Errc::io && error.os_error() == 0)
        return line + "what answers there is no echo server: it does not send back what it gets";
    line += error.message();
    switch (error.code()) {
        case Errc::connection_refused:
        case Errc::timed_out:
            if (!is_plain(settings.proto)) return line + "; does a server listen there?";
            return line + "; start skerry-echo --proto=" + std::string(to_string(settings.proto)) +
                   " --mode=" + std::string(to_string(settings.mode)) + " --listen=" + settings.connect.text;
        case Errc::no_descriptors: return line + "; raise the limit with ulimit -n, or lower --conns";
        default: return line;
    }
}

void collect_series(const Clients& clients, Outcome& outcome) {
    if (clients.settings.series_file.empty()) return;
    outcome.series = apps::TimeSeries::header;
    for (std::size_t core = 0; core < clients.cores.size(); ++core) {
        apps::TimeSeries& series = *clients.cores[core]->result().series;
        series.append_rows(outcome.series, core);
        outcome.series_left_out += series.left_out();
    }
}

/// Sums the cores up. Threads: when they have stopped.
void sum_up(const Clients& clients, Outcome& outcome) {
    Recorder all(clients.cores.front()->result().recorder.options());
    Nanos end{0};
    for (const auto& core : clients.cores) {
        const CoreRun& run = core->result();
        all.add(run.recorder);
        end = std::max(end, run.end);
        outcome.failures += run.failures;
        if (outcome.first_failure.empty()) outcome.first_failure = run.first_failure;
        if (outcome.first_refusal.empty()) outcome.first_refusal = run.first_refusal;
        if (outcome.first_damage.empty()) outcome.first_damage = run.first_damage;
        if (clients.settings.jitter > Nanos{0})
            outcome.jitter_us = std::max(outcome.jitter_us.value_or(0), core->jitter_us());
    }
    outcome.summary = all.summary();
    if (!outcome.interrupted) return;
    const Nanos measured = std::max(end - clients.settings.warmup, Nanos{0});
    outcome.summary->cut_to(measured);
    if (measured == Nanos{0}) outcome.summary.reset();
}

/// The first address of a name that takes a connection; the first of all when none does, or none is asked.
Task<net::SocketAddr> choose_address(Proto proto, std::vector<net::SocketAddr> found) {
    if (proto == Proto::udp || found.size() == 1) co_return found.front();
    for (const net::SocketAddr& address : found) {
        auto probe = co_await time::timeout(std::chrono::seconds{2}, net::TcpStream::connect(address));
        if (probe) co_return address;
    }
    co_return found.front();
}

/// Makes the connections and watches the cores; why that could not be done, empty when it was.
///
/// Cancel: safe: give_up_preparing() ends what is left.
Task<std::string> prepare(Clients* clients) {
    const Settings& settings = clients->settings;
    auto found = co_await net::resolve(settings.connect.host, settings.connect.port);
    if (!found) co_return "cannot find the address of " + settings.connect.host + ": " + found.error().message();
    clients->server = co_await choose_address(settings.proto, *found);
    clients->preparing = on_each_core(&connect_here, clients);
    auto connected = co_await prepared(clients);
    if (!connected) co_return refusal_for(settings, connected.error());
    if (settings.jitter == Nanos{0}) co_return std::string();
    clients->preparing = on_each_core(&watch_here, clients);
    (void)co_await prepared(clients);
    co_return std::string();
}

/// prepare() until a signal comes; true: one came.
Task<bool> prepare_or_stop(Clients* clients, apps::StopSignals* signals, std::string* refusal) {
    auto preparing = spawn(prepare(clients));
    auto stop = signals->requested();
    auto event = co_await select(preparing, std::move(stop));
    if (event.index() == 1) {
        preparing.abort();
        (void)co_await preparing;
        co_await give_up_preparing(clients);
        co_return true;
    }
    auto& prepared = std::get<0>(event);
    *refusal = prepared ? *prepared : error_of(prepared.error()).message();
    co_return false;
}

}  // namespace

Task<Result<apps::StopSignals>> listen_to_stops() { co_return apps::StopSignals::listen(); }

Task<Outcome> conduct(const Settings& settings, apps::StopSignals& signals) {
    Outcome outcome;
    Clients clients{settings};
    outcome.interrupted = co_await prepare_or_stop(&clients, &signals, &outcome.refusal);
    if (outcome.interrupted || !outcome.refusal.empty()) {
        co_await on_all(&close_here, &clients);
        co_return outcome;
    }
    constexpr auto lead = std::chrono::milliseconds{2};
    const time::Instant start = time::Instant::now() + lead;
    const auto measured_from = std::chrono::system_clock::now().time_since_epoch() + lead + settings.warmup;
    outcome.started_s = std::chrono::duration<double>(measured_from).count();
    auto running = spawn(on_all(&run_here, &clients, start));
    Progress progress(::isatty(STDERR_FILENO) != 0, settings.warmup, settings.duration);
    auto showing = spawn(show_progress(&progress, &clients, start));
    auto stop = signals.requested();
    auto event = co_await select(running, std::move(stop));
    outcome.interrupted = event.index() == 1;
    if (outcome.interrupted) co_await end_early(&clients, &signals, running);
    showing.abort();
    (void)co_await showing;
    std::fputs(progress.clear().c_str(), stderr);
    sum_up(clients, outcome);
    collect_series(clients, outcome);
    co_await on_all(&close_here, &clients);
    co_return outcome;
}

}  // namespace skerry::loadgen
