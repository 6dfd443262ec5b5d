#include "client.hpp"

#include "jitter.hpp"

#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/spawn.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace skerry::loadgen {

namespace {

constexpr auto show_period = std::chrono::milliseconds{250};
constexpr Nanos look = std::chrono::milliseconds{100};  // at the jitter, deaf to signals

/// Every connection's share of the schedule.
Schedule schedule_of(const Settings& settings, std::uint64_t number) {
    const Share share{static_cast<unsigned>(number), static_cast<unsigned>(settings.conns)};
    if (settings.arrivals == Arrivals::poisson) return Schedule::poisson(*settings.rate, settings.seed, share);
    return Schedule::constant(*settings.rate, share);
}

}  // namespace

CoreClient::CoreClient(const Settings& settings, const net::SocketAddr& server, std::size_t index, std::size_t of)
    : run_(settings), server_(server), index_(index), of_(of) {
    run_.tasks = &tasks_;
    if (settings.proto == Proto::http) http_requests_.emplace(settings.http);
}

Task<Result<>> CoreClient::connect() {
    for (std::uint64_t number = index_; number < run_.settings.conns; number += of_) {
        auto connected = co_await connect_link(number);
        if (!connected) co_return connected.error();
    }
    co_return Result<>();
}

Task<Result<>> CoreClient::connect_link(std::uint64_t number) {
    const Settings& settings = run_.settings;
    switch (settings.proto) {
        case Proto::udp: return connect_udp(number);
        case Proto::http: return connect_stream<Http>([this] { return Http(run_.settings.http, *http_requests_); });
        case Proto::resp:
            return connect_stream<Resp>(
                [&settings, number] { return Resp(settings.resp, settings.seed * 65'536 + number); });
        case Proto::tcp: break;
    }
    return connect_stream<Echo>([&settings, number] {
        const auto fill = static_cast<std::byte>('a' + number % 26);
        return Echo(NumberedMessage(settings.format(), settings.size, fill), settings.mode != Mode::source);
    });
}

template <class Protocol, class Make>
Task<Result<>> CoreClient::connect_stream(Make make) {
    auto stream = co_await time::timeout(connect_patience, net::TcpStream::connect(server_));
    if (!stream) co_return stream.error();
    auto& links = std::get<Links<StreamLink<Protocol>>>(links_);
    links.push_back(std::make_unique<StreamLink<Protocol>>(std::move(*stream), server_, run_, make()));
    co_return Result<>();
}

Task<Result<>> CoreClient::connect_udp(std::uint64_t number) {
    const net::IpAddr any = server_.is_v4() ? net::IpAddr::v4_any() : net::IpAddr::v6_any();
    auto socket = net::UdpSocket::bind(net::SocketAddr(any, 0));
    if (!socket) co_return socket.error();
    auto fixed = socket->connect(server_);
    if (!fixed) co_return fixed.error();
    static const std::uint64_t run_tag = std::uint64_t{std::random_device{}()} << 32U;
    auto& links = std::get<Links<UdpLink>>(links_);
    links.push_back(std::make_unique<UdpLink>(std::move(*socket), run_, run_tag | number));
    if (!run_.settings.has_answers()) co_return Result<>();
    auto probed = co_await links.back()->probe();
    co_return probed;
}

Task<> CoreClient::watch_jitter() {
    for (Nanos left = run_.settings.jitter; left > Nanos{0}; left -= look) {
        jitter_us_ = std::max(jitter_us_, measure_jitter(std::min(left, look)).jitter_us());
        co_await yield_to_driver();
    }
}

template <class Visitor>
void CoreClient::for_each_link(Visitor&& visit) {
    const auto visit_all = [&](auto& links) {
        std::uint64_t number = index_;
        for (auto& link : links) {
            visit(*link, number);
            number += of_;
        }
    };
    std::apply([&](auto&... links) { (visit_all(links), ...); }, links_);
}

template <class Link>
Task<> CoreClient::send(Link* link, AbortHandle receiver) {
    CoreRun& run = link->run;
    if (run.settings.mode == Mode::source)
        co_await wait_for_end(*link);
    else if (run.settings.loop == Loop::open)
        co_await send_open_loop(*link);
    else
        co_await send_closed_loop(*link);
    co_await wait_for_piece(*link);
    co_await wait_for_answers(*link);
    receiver.abort();
    if constexpr (requires { link->abort_resending(); }) link->abort_resending();
}

template <class Link>
void CoreClient::start(Link& link, std::uint64_t number) {
    if (run_.settings.loop == Loop::open) link.follow(schedule_of(run_.settings, number));
    tasks_.spawn(send(&link, tasks_.spawn(link.receive())));
}

Task<> CoreClient::run(time::Instant start_time) {
    run_.start = start_time;
    for_each_link([this](auto& link, std::uint64_t number) { start(link, number); });
    auto shower = spawn(show());
    auto ending = spawn(end_waits());
    while (co_await tasks_.join_next()) {
    }
    for_each_link([](auto& link, std::uint64_t) { link.settle(); });
    for (auto* task : {&shower, &ending}) {
        task->abort();
        (void)co_await *task;
    }
    is_over_ = true;
    over_.notify_waiters();
}

Task<> CoreClient::stop(Nanos patience) {
    run_.stop(patience);  // a core without a connection was over from the start, and its measured time ends here too
    if (is_over_) co_return;
    auto over = over_.notified();
    for_each_link([](auto& link, std::uint64_t) { link.changed.notify_one(); });
    auto ended = co_await time::timeout(patience, over);
    if (!ended) tasks_.abort_all();  // a write that blocks
}

Task<> CoreClient::end_waits() {
    while (run_.now() < run_.drain_end)
        (void)co_await time::timeout_at(run_.at(run_.drain_end), run_.stopped.notified());
    run_.is_drained = true;
    for_each_link([](auto& link, std::uint64_t) { link.changed.notify_one(); });
}

Task<> CoreClient::show() {
    for (;;) {
        const Recorder::Totals& totals = run_.recorder.totals();
        shown_.sent.store(totals.sent, std::memory_order_relaxed);
        shown_.received.store(totals.received, std::memory_order_relaxed);
        shown_.errors.store(totals.errors, std::memory_order_relaxed);
        shown_.late.store(totals.late, std::memory_order_relaxed);
        co_await time::sleep(show_period);
    }
}

Recorder::Totals CoreClient::shown() const noexcept {
    Recorder::Totals totals;
    totals.sent = shown_.sent.load(std::memory_order_relaxed);
    totals.received = shown_.received.load(std::memory_order_relaxed);
    totals.errors = shown_.errors.load(std::memory_order_relaxed);
    totals.late = shown_.late.load(std::memory_order_relaxed);
    return totals;
}

}  // namespace skerry::loadgen
