#pragma once

// What skerry-loadgen's command line says.

#include "protocol/http_request.hpp"
#include "protocol/numbered_message.hpp"
#include "protocol/resp_commands.hpp"
#include "recorder.hpp"
#include "schedule.hpp"

#include "common/options.hpp"

#include <skerry/base/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

enum class Proto : std::uint8_t { tcp, udp, http, resp };

/// What the server does with the data.
enum class Mode : std::uint8_t {
    echo,    ///< sends it back; a request is over when its bytes are
    sink,    ///< drops it; a request is over when the kernel has taken it
    source,  ///< sends by itself; every --size bytes count as an answer. TCP, closed loop
    sockperf,  ///< answers messages of sockperf
};

/// Whether the messages are those of skerry-echo, so that there is a mode.
[[nodiscard]] constexpr bool is_plain(Proto proto) noexcept { return proto == Proto::tcp || proto == Proto::udp; }

[[nodiscard]] std::string_view to_string(Proto proto) noexcept;
[[nodiscard]] std::string_view to_string(Mode mode) noexcept;

/// A UDP request carries its run and its number.
inline constexpr std::uint64_t udp_size_min = 16;

/// The longest message that a server of sockperf takes from a stream.
inline constexpr std::uint64_t sockperf_size_max = std::uint64_t{1} << 20;

/// What the search for the knee is told.
struct SweepSettings {
    std::uint64_t from = 1'000;
    std::uint64_t to = 10'000'000;
    Nanos trial = std::chrono::seconds{1};
    std::optional<Nanos> p99_max;
};

/// An option that was given and belongs to one protocol.
struct OptionOf {
    Proto proto;
    std::string name;
};

struct Settings {
    apps::Options shared;
    Proto proto = Proto::tcp;
    Mode mode = Mode::echo;
    apps::ListenAddress connect{"127.0.0.1:7001", "127.0.0.1", 7001};
    bool has_connect = false;  ///< it was given; else the port is that of the protocol
    std::uint64_t size = 64;   ///< bytes of a request of tcp and udp
    bool has_size = false;     ///< it was given
    HttpSettings http;
    RespSettings resp;
    std::vector<OptionOf> given;  ///< options that only one protocol has
    std::uint64_t conns = 1;
    Loop loop = Loop::closed;
    std::optional<Rate> rate;  ///< of all connections together; none in a closed loop
    Arrivals arrivals = Arrivals::constant;
    std::optional<std::uint64_t> inflight;  ///< for each connection
    std::optional<std::uint64_t> per_conn;  ///< requests of a connection, before another takes its place
    std::uint64_t seed = 1;
    Nanos duration = std::chrono::seconds{10};
    Nanos warmup = std::chrono::seconds{1};
    Nanos timeout = std::chrono::seconds{1};  ///< after it a datagram is lost, and at the end nothing is waited for
    Nanos jitter = std::chrono::milliseconds{200};
    std::string server_idle = "unknown";
    std::string html_file;
    std::string csv_file;
    std::string hlog_file;
    std::optional<Nanos> interval;  ///< of the pieces that --html, --hlog and --json keep
    std::string hgrm_prefix;
    std::string series_file;
    Nanos window = std::chrono::milliseconds{100};  ///< of the series
    bool strict = false;
    SweepSettings sweep;  ///< of `skerry-loadgen sweep` alone
    std::string command;  ///< the command line, quoted for a shell

    /// Bytes of a request as it is sent.
    [[nodiscard]] std::uint64_t request_bytes() const;

    /// Whether a request is over by an answer to it.
    [[nodiscard]] bool has_answers() const noexcept { return mode == Mode::echo || mode == Mode::sockperf; }

    [[nodiscard]] MessageFormat format() const noexcept {
        return mode == Mode::sockperf ? MessageFormat::sockperf : MessageFormat::plain;
    }

    /// Whether requests may be lost, and their answers overtake each other.
    [[nodiscard]] bool is_datagram() const noexcept { return proto == Proto::udp; }

    /// How long the pieces are that the reports need; 0 where none does.
    [[nodiscard]] Nanos piece() const noexcept;

    /// Requests that may wait on one connection; 0: no limit.
    [[nodiscard]] std::uint64_t inflight_limit() const noexcept {
        return inflight.value_or(loop == Loop::closed ? 1 : 0);
    }
};

/// Errors: a Stop, for --help, --version and whatever cannot be used.
[[nodiscard]] Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv);

/// The same of `skerry-loadgen sweep`: an open loop whose rates are the search's. Shape: argv[0] is the word.
[[nodiscard]] Result<Settings, apps::Stop> read_sweep_settings(int argc, const char* const* argv);

}  // namespace skerry::loadgen
