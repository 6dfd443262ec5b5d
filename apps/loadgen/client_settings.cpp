#include "client_settings.hpp"

#include "client_option_kinds.hpp"
#include "client_protocol_options.hpp"
#include "in_flight.hpp"

#include "common/backends.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace skerry::loadgen {

namespace {

constexpr std::uint64_t tcp_size_max = std::uint64_t{1} << 30;
constexpr std::uint64_t udp_size_max = 65'507;
constexpr Nanos series_window_min = std::chrono::milliseconds{1};
constexpr Nanos interval_min = std::chrono::milliseconds{10};
constexpr Nanos interval_default = std::chrono::milliseconds{100};

apps::Program program() {
    return {"skerry-loadgen",
            "Sends requests on a schedule of its own and records how long the answers take. Its other uses have a help "
            "of their own: skerry-loadgen sweep --help, compare --help, report --help, jitter --help.",
            apps::backend_names()};
}

apps::Program sweep_program() {
    return {"skerry-loadgen sweep",
            "Finds the knee and measures the latency on the way there. The knee is the largest rate whose run is valid "
            "and whose response p99 is at most --p99-max. Rates double from --from until one fails, then the gap is "
            "halved until it is below 5 %; a rate has failed when two trials in a row did. Then 10, 25, 50, 75, 90 and "
            "95 % of the knee are measured for --duration each.",
            apps::backend_names()};
}

constexpr Proto protos[] = {Proto::tcp, Proto::udp, Proto::http, Proto::resp};
constexpr Mode modes[] = {Mode::echo, Mode::sink, Mode::source, Mode::sockperf};
constexpr Loop loops[] = {Loop::open, Loop::closed};
constexpr Arrivals all_arrivals[] = {Arrivals::constant, Arrivals::poisson};

void add_rate_options(CLI::App& app, Settings& settings, std::optional<Loop>& loop) {
    const auto rate = [&settings](const std::string& text) {
        settings.rate = Rate::parse(text);
        if (!settings.rate)
            refuse("--rate", text,
                   "not a rate; accepted: requests a second, up to 1000000000, with up to six decimals");
    };
    app.add_option_function<std::string>("--rate", rate, "requests a second of all connections: an open loop")
        ->type_name("PER_SECOND");
    add_choice(app, "--loop", "default: open with --rate, else closed", loops, [&loop](Loop value) { loop = value; });
}

void add_sweep_options(CLI::App& app, SweepSettings& sweep) {
    constexpr std::uint64_t rate_max = 1'000'000'000;
    add_number(app, "--from", "the first rate that is tried, requests a second; default 1000", 1, rate_max,
               [&sweep](std::uint64_t value) { sweep.from = value; });
    add_number(app, "--to", "no rate above is tried; default 10000000", 1, rate_max,
               [&sweep](std::uint64_t value) { sweep.to = value; });
    add_duration(app, "--trial", "how long a rate is tried; default 1s", sweep.trial);
    add_duration(app, "--p99-max",
                 "what p99 must not be above; default: ten times that of the first valid trial, at least 1ms",
                 [&sweep](Nanos value) { sweep.p99_max = value; });
}

void add_load_options(CLI::App& app, Settings& settings) {
    add_choice(app, "--arrivals", "how an open loop spaces them", all_arrivals,
               [&settings](Arrivals value) { settings.arrivals = value; });
    add_number(app, "--inflight", "requests that may wait on a connection; default 1 in a closed loop, else no limit",
               1, InFlight::requests_max, [&settings](std::uint64_t value) { settings.inflight = value; });
    add_number(app, "--per-conn", "requests of a connection, before another takes its place; default no limit", 1,
               std::numeric_limits<std::uint64_t>::max(),
               [&settings](std::uint64_t value) { settings.per_conn = value; });
    add_number(app, "--seed", "of Poisson arrivals and of keys", 0, std::numeric_limits<std::uint64_t>::max(),
               [&settings](std::uint64_t value) { settings.seed = value; });
    add_duration(app, "--duration", "how long is measured; default 10s", settings.duration);
    add_duration(app, "--warmup", "how long requests are sent before; default 1s", settings.warmup);
    add_duration(app, "--timeout", "when an answer is given up; default 1s", settings.timeout);
    add_duration(app, "--jitter", "how long the core is watched first for interruptions; default 200ms, 0s: not",
                 settings.jitter);
}

void add_peer_options(CLI::App& app, Settings& settings) {
    add_choice(app, "--proto", "what is spoken", protos, [&settings](Proto value) { settings.proto = value; });
    add_choice(app, "--mode", "what the server does", modes, [&settings](Mode value) { settings.mode = value; });
    const auto connect = [&settings](const std::string& text) {
        auto parsed = apps::parse_listen(text);
        if (!parsed) refuse("--connect", text, parsed.error().message);
        settings.connect = *std::move(parsed);
        settings.has_connect = true;
    };
    app.add_option_function<std::string>("--connect", connect,
                                         "the server; default 127.0.0.1 and port 7001, with http 8080, with resp 6379")
        ->type_name("ADDR:PORT");
    add_number(app, "--size", "bytes of a request of tcp and udp; default 64", 1, tcp_size_max,
               [&settings](std::uint64_t value) {
                   settings.size = value;
                   settings.has_size = true;
               });
    add_number(app, "--conns", "connections, or UDP sockets; default 1", 1, 65'536,
               [&settings](std::uint64_t value) { settings.conns = value; });
    add_protocol_options(app, settings);
}

void add_report_options(CLI::App& app, Settings& settings) {
    app.add_option("--html", settings.html_file, "write a page with pictures of the results to this file")
        ->type_name("FILE");
    app.add_option("--csv", settings.csv_file, "write the results to this file as CSV")->type_name("FILE");
    add_duration(app, "--interval", "of --html, --hlog and --json; default 100ms, in runs above one minute 1s",
                 [&settings](Nanos interval) { settings.interval = interval; });
    app.add_option("--server-idle", settings.server_idle, "how the server idles, for the report")->type_name("TEXT");
}

/// What only a single run has.
void add_run_options(CLI::App& app, Settings& settings) {
    app.add_option("--hgrm", settings.hgrm_prefix, "write PREFIX.response.hgrm and PREFIX.service.hgrm")
        ->type_name("PREFIX");
    app.add_option("--hlog", settings.hlog_file,
                   "write the histogram of each interval to this file as HdrHistogram log")
        ->type_name("FILE");
    app.add_option("--series", settings.series_file,
                   "write count, median and longest of each window to this file as CSV")
        ->type_name("FILE");
    add_duration(app, "--window", "of the series; default 100ms", settings.window);
    app.add_flag("--strict", settings.strict, "exit with 1 when the run is invalid");
}

/// A word of a command line as a shell would have to be given it.
std::string shell_word(const std::string& word) {
    constexpr const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=./:,@%+[]";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string command_text(std::string text, int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) text += " " + shell_word(argv[i]);
    return text;
}

/// What options say together; empty when they fit.
std::string contradiction(const Settings& settings, std::optional<Loop> loop) {
    const std::uint64_t size = settings.size;
    if (loop == Loop::open && !settings.rate) return "--loop=open: needs --rate";
    if (loop == Loop::closed && settings.rate) return "--loop=closed: has no --rate; its rate follows from the answers";
    if (settings.rate && settings.conns > Schedule::share_max)
        return "--conns=" + std::to_string(settings.conns) + ": accepted with --rate: up to " +
               std::to_string(Schedule::share_max);
    constexpr std::uint64_t sockperf_min = NumberedMessage::sockperf_header_bytes;
    if (settings.mode == Mode::sockperf && (size < sockperf_min || size > sockperf_size_max))
        return "--size=" + std::to_string(size) + ": accepted with --mode=sockperf: " + std::to_string(sockperf_min) +
               ", for the header, to " + std::to_string(sockperf_size_max);
    const bool is_cut = size < udp_size_min && settings.mode != Mode::sockperf;
    if (settings.proto == Proto::udp && (is_cut || size > udp_size_max))
        return "--size=" + std::to_string(size) +
               ": accepted with --proto=udp: 16, for the number of the request, to " + std::to_string(udp_size_max);
    if (settings.mode == Mode::source && (settings.proto == Proto::udp || settings.rate))
        return "--mode=source: accepted with --proto=tcp and without --rate, because the server sends";
    if (settings.per_conn && (settings.is_datagram() || !settings.has_answers()))
        return "--per-conn: accepted with connections whose server answers: not with --proto=udp, --mode=sink or "
               "--mode=source";
    if (std::string wrong = contradiction_of_protocol(settings); !wrong.empty()) return wrong;
    if (settings.duration <= Nanos{0}) return "--duration=0s: accepted: longer than nothing";
    if (settings.interval && (*settings.interval < interval_min ||
                              settings.duration / *settings.interval >= Nanos::rep{IntervalRecorder::count_max}))
        return "--interval: accepted: from 10ms, and long enough that a run has at most 100,000 of them";
    if (settings.window < series_window_min) return "--window: accepted: 1ms or longer, for example 100ms";
    return {};
}

std::string contradiction_of_sweep(const Settings& settings) {
    const SweepSettings& sweep = settings.sweep;
    const std::optional<Nanos>& interval = settings.interval;
    // p99 stands on 1,000 answers. How many are due in a Poisson trial differs by the root of their number, the same
    // for all trials of a seed: with 1,200, fewer than 1,000 are as rare as six standard deviations.
    const bool is_poisson = settings.arrivals == Arrivals::poisson;
    const double needed = is_poisson ? 1'200 : 1'000;
    const double answers = std::chrono::duration<double>(sweep.trial).count() * static_cast<double>(sweep.from);
    if (interval && sweep.trial / *interval >= Nanos::rep{IntervalRecorder::count_max})
        return "--interval: accepted with --trial: long enough that a trial has at most 100,000 of them";
    if (sweep.from > sweep.to) return "--from: accepted: up to --to";
    if (answers < needed)
        return "--from, --trial: a trial of " + std::to_string(static_cast<int>(answers)) +
               (is_poisson ? " requests may have no p99, because with --arrivals=poisson their number differs; "
                             "accepted: 1,200 or more"
                           : " requests has no p99; accepted: 1,000 or more");
    return {};
}

}  // namespace

std::string_view to_string(Proto proto) noexcept {
    switch (proto) {
        case Proto::udp: return "udp";
        case Proto::http: return "http";
        case Proto::resp: return "resp";
        case Proto::tcp: break;
    }
    return "tcp";
}

std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
        case Mode::sink: return "sink";
        case Mode::source: return "source";
        case Mode::sockperf: return "sockperf";
        case Mode::echo: break;
    }
    return "echo";
}

Nanos Settings::piece() const noexcept {
    if (html_file.empty() && hlog_file.empty() && shared.json_file.empty()) return Nanos{0};
    if (interval) return *interval;
    const Nanos shortest = duration > std::chrono::minutes{1} ? Nanos(std::chrono::seconds{1}) : interval_default;
    return std::max(shortest, duration / Nanos::rep{IntervalRecorder::count_max} + Nanos{1});
}

Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv) {
    Settings settings;
    std::optional<Loop> loop;
    auto shared = apps::parse_options(program(), argc, argv, [&](CLI::App& app) {
        add_peer_options(app, settings);
        add_rate_options(app, settings, loop);
        add_load_options(app, settings);
        add_report_options(app, settings);
        add_run_options(app, settings);
    });
    if (!shared) return Unexpected(std::move(shared).error());
    settings.shared = *std::move(shared);
    settings.command = command_text("skerry-loadgen", argc, argv);
    complete_protocol(settings);
    settings.loop = settings.rate ? Loop::open : Loop::closed;
    if (std::string wrong = contradiction(settings, loop); !wrong.empty())
        return Unexpected(apps::Stop{2, "skerry-loadgen: " + wrong});
    return settings;
}

Result<Settings, apps::Stop> read_sweep_settings(int argc, const char* const* argv) {
    Settings settings;
    auto shared = apps::parse_options(sweep_program(), argc, argv, [&](CLI::App& app) {
        add_peer_options(app, settings);
        add_sweep_options(app, settings.sweep);
        add_load_options(app, settings);
        add_report_options(app, settings);
    });
    if (!shared) return Unexpected(std::move(shared).error());
    settings.shared = *std::move(shared);
    settings.command = command_text("skerry-loadgen sweep", argc, argv);
    complete_protocol(settings);
    settings.loop = Loop::open;
    settings.rate = Rate{settings.sweep.from, 1};
    std::string wrong = contradiction(settings, std::nullopt);
    if (wrong.empty()) wrong = contradiction_of_sweep(settings);
    if (!wrong.empty()) return Unexpected(apps::Stop{2, "skerry-loadgen sweep: " + wrong});
    return settings;
}

}  // namespace skerry::loadgen
