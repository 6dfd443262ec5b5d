#pragma once

// One core of the generator: its connections and what they see.

#include "client_run.hpp"
#include "client_stream.hpp"
#include "client_udp.hpp"
#include "protocol/echo.hpp"
#include "protocol/http.hpp"
#include "protocol/resp.hpp"

#include <skerry/base/cache_line.hpp>
#include <skerry/base/result.hpp>
#include <skerry/net/socket_addr.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/task.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

namespace skerry::loadgen {

/// Connections `index`, `index` + `of`, ... of the run.
///
/// Threads: made, used and dropped on one core; shown() anywhere.
class CoreClient {
public:
    CoreClient(const Settings& settings, const net::SocketAddr& server, std::size_t index, std::size_t of);

    /// Opens this core's connections and, on UDP, asks whether the server is there.
    ///
    /// Errors: the first connection's.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<>> connect();

    /// Watches the core for interruptions; blocks it meanwhile, and it has nothing else to do yet. Between two looks of
    /// 100 ms it lets a signal in.
    ///
    /// Cancel: safe.
    [[nodiscard]] Task<> watch_jitter();

    /// Sends and receives until the run is over. Nothing of it is left when it completes.
    ///
    /// Cancel: unsafe: its tasks end later than it, and they use this object. stop() ends it.
    [[nodiscard]] Task<> run(time::Instant start);

    /// Makes run() end: no request is due any more, answers are waited for `patience`. Completes when it has ended.
    ///
    /// Cancel: safe: the run ends all the same, if not as soon.
    [[nodiscard]] Task<> stop(Nanos patience);

    [[nodiscard]] CoreRun& result() noexcept { return run_; }
    [[nodiscard]] double jitter_us() const noexcept { return jitter_us_; }

    /// Running totals for the progress line, at most a quarter of a second old.
    [[nodiscard]] Recorder::Totals shown() const noexcept;

private:
    struct alignas(cache_line_bytes) Shown {
        std::atomic<std::uint64_t> sent{0};
        std::atomic<std::uint64_t> received{0};
        std::atomic<std::uint64_t> errors{0};
        std::atomic<std::uint64_t> late{0};
    };

    template <class Link>
    using Links = std::vector<std::unique_ptr<Link>>;

    template <class Protocol, class Make>
    Task<Result<>> connect_stream(Make make);
    Task<Result<>> connect_link(std::uint64_t number);
    Task<Result<>> connect_udp(std::uint64_t number);
    template <class Link>
    void start(Link& link, std::uint64_t number);
    template <class Link>
    static Task<> send(Link* link, AbortHandle receiver);
    template <class Visitor>
    void for_each_link(Visitor&& visit);
    /// When nothing is waited for any more, tells every link.
    Task<> end_waits();
    Task<> show();

    CoreRun run_;
    net::SocketAddr server_;
    std::size_t index_;
    std::size_t of_;
    std::optional<HttpRequests> http_requests_;  // of all its connections
    std::tuple<Links<StreamLink<Echo>>, Links<StreamLink<Http>>, Links<StreamLink<Resp>>, Links<UdpLink>>
        links_;  // of one kind in a run
    JoinSet<> tasks_;  // a sender and a receiver for each link, and what they start
    sync::local::Notify over_;
    bool is_over_ = false;
    double jitter_us_ = 0;
    Shown shown_;
};

}  // namespace skerry::loadgen
