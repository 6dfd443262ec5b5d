#include "client_settings.hpp"

#include "in_flight.hpp"

#include <CLI/CLI.hpp>

#include <limits>
#include <utility>

namespace skerry::loadgen {

namespace {

constexpr std::uint64_t tcp_size_max = std::uint64_t{1} << 30;
constexpr std::uint64_t udp_size_max = 65'507;
constexpr Nanos series_window_min = std::chrono::milliseconds{1};

apps::Program program() {
    return {
        "skerry-loadgen", "Sends requests on a schedule of its own and records how long the answers take.", {"epoll"}};
}

[[noreturn]] void refuse(const std::string& name, const std::string& text, const std::string& why) {
    throw CLI::ValidationError(name + "=" + text, why);
}

/// An option whose value is one of `all`, by the names that to_string() gives them.
template <class Enum, std::size_t count, class Take>
void add_choice(CLI::App& app, const std::string& name, const std::string& help, const Enum (&all)[count], Take take) {
    std::string accepted;
    for (const Enum value : all) accepted += (accepted.empty() ? "" : ", ") + std::string(to_string(value));
    const auto parse = [&all, name, accepted, take](const std::string& text) {
        for (const Enum value : all)
            if (text == to_string(value)) return take(value);
        refuse(name, text, "no such value; accepted: " + accepted);
    };
    app.add_option_function<std::string>(name, parse, help + ": " + accepted)->type_name("NAME");
}

void add_duration(CLI::App& app, const std::string& name, const std::string& help, Nanos& target) {
    const auto parse = [name, &target](const std::string& text) {
        auto parsed = apps::parse_duration(text);
        if (!parsed) refuse(name, text, parsed.error().message);
        target = *parsed;
    };
    app.add_option_function<std::string>(name, parse, help)->type_name("TIME");
}

/// A whole number from `min` to `max`.
template <class Take>
void add_number(CLI::App& app, const std::string& name, const std::string& help, std::uint64_t min, std::uint64_t max,
                Take take) {
    const auto parse = [name, min, max, take](const std::string& text) {
        const auto value = apps::parse_whole_number(text, max);
        if (!value || *value < min)
            refuse(name, text, "accepted: a whole number from " + std::to_string(min) + " to " + std::to_string(max));
        take(*value);
    };
    app.add_option_function<std::string>(name, parse, help)->type_name("N");
}

constexpr Proto protos[] = {Proto::tcp, Proto::udp};
constexpr Mode modes[] = {Mode::echo, Mode::sink, Mode::source};
constexpr Loop loops[] = {Loop::open, Loop::closed};
constexpr Arrivals all_arrivals[] = {Arrivals::constant, Arrivals::poisson};

void add_load_options(CLI::App& app, Settings& settings, std::optional<Loop>& loop) {
    const auto rate = [&settings](const std::string& text) {
        settings.rate = Rate::parse(text);
        if (!settings.rate)
            refuse("--rate", text,
                   "not a rate; accepted: requests a second, up to 1000000000, with up to six decimals");
    };
    app.add_option_function<std::string>("--rate", rate, "requests a second of all connections: an open loop")
        ->type_name("PER_SECOND");
    add_choice(app, "--arrivals", "how an open loop spaces them", all_arrivals,
               [&settings](Arrivals value) { settings.arrivals = value; });
    add_choice(app, "--loop", "default: open with --rate, else closed", loops, [&loop](Loop value) { loop = value; });
    add_number(app, "--inflight", "requests that may wait on a connection; default 1 in a closed loop, else no limit",
               1, InFlight::requests_max, [&settings](std::uint64_t value) { settings.inflight = value; });
    add_number(app, "--seed", "of Poisson arrivals", 0, std::numeric_limits<std::uint64_t>::max(),
               [&settings](std::uint64_t value) { settings.seed = value; });
    add_duration(app, "--duration", "how long is measured; default 10s", settings.duration);
    add_duration(app, "--warmup", "how long requests are sent before; default 1s", settings.warmup);
    add_duration(app, "--timeout", "when an answer is given up; default 1s", settings.timeout);
    add_duration(app, "--jitter", "how long the core is watched first for interruptions; default 200ms, 0s: not",
                 settings.jitter);
}

void add_peer_options(CLI::App& app, Settings& settings) {
    add_choice(app, "--proto", "transport", protos, [&settings](Proto value) { settings.proto = value; });
    add_choice(app, "--mode", "what the server does", modes, [&settings](Mode value) { settings.mode = value; });
    const auto connect = [&settings](const std::string& text) {
        auto parsed = apps::parse_listen(text);
        if (!parsed) refuse("--connect", text, parsed.error().message);
        settings.connect = *std::move(parsed);
    };
    app.add_option_function<std::string>("--connect", connect, "the server; default 127.0.0.1:7001")
        ->type_name("ADDR:PORT");
    add_number(app, "--size", "bytes of a request; default 64", 1, tcp_size_max,
               [&settings](std::uint64_t value) { settings.size = value; });
    add_number(app, "--conns", "connections, or UDP sockets; default 1", 1, 65'536,
               [&settings](std::uint64_t value) { settings.conns = value; });
}

void add_report_options(CLI::App& app, Settings& settings) {
    app.add_option("--csv", settings.csv_file, "write the results to this file as CSV")->type_name("FILE");
    app.add_option("--hgrm", settings.hgrm_prefix, "write PREFIX.response.hgrm and PREFIX.service.hgrm")
        ->type_name("PREFIX");
    app.add_option("--series", settings.series_file,
                   "write count, median and longest of each window to this file as CSV")
        ->type_name("FILE");
    add_duration(app, "--window", "of the series; default 100ms", settings.window);
    app.add_option("--server-idle", settings.server_idle, "how the server idles, for the report")->type_name("TEXT");
    app.add_flag("--strict", settings.strict, "exit with 1 when the run is invalid");
}

/// What options say together; empty when they fit.
std::string contradiction(const Settings& settings, std::optional<Loop> loop) {
    const std::uint64_t size = settings.size;
    if (loop == Loop::open && !settings.rate) return "--loop=open: needs --rate";
    if (loop == Loop::closed && settings.rate) return "--loop=closed: has no --rate; its rate follows from the answers";
    if (settings.rate && settings.conns > Schedule::share_max)
        return "--conns=" + std::to_string(settings.conns) + ": accepted with --rate: up to " +
               std::to_string(Schedule::share_max);
    if (settings.proto == Proto::udp && (size < udp_size_min || size > udp_size_max))
        return "--size=" + std::to_string(size) +
               ": accepted with --proto=udp: 16, for the number of the request, to " + std::to_string(udp_size_max);
    if (settings.mode == Mode::source && (settings.proto == Proto::udp || settings.rate))
        return "--mode=source: accepted with --proto=tcp and without --rate, because the server sends";
    if (settings.duration <= Nanos{0}) return "--duration=0s: accepted: longer than nothing";
    if (settings.window < series_window_min) return "--window: accepted: 1ms or longer, for example 100ms";
    return {};
}

}  // namespace

std::string_view to_string(Proto proto) noexcept { return proto == Proto::tcp ? "tcp" : "udp"; }

std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
        case Mode::sink: return "sink";
        case Mode::source: return "source";
        case Mode::echo: break;
    }
    return "echo";
}

Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv) {
    Settings settings;
    std::optional<Loop> loop;
    auto shared = apps::parse_options(program(), argc, argv, [&](CLI::App& app) {
        add_peer_options(app, settings);
        add_load_options(app, settings, loop);
        add_report_options(app, settings);
    });
    if (!shared) return Unexpected(std::move(shared).error());
    settings.shared = *std::move(shared);
    settings.loop = settings.rate ? Loop::open : Loop::closed;
    if (std::string wrong = contradiction(settings, loop); !wrong.empty())
        return Unexpected(apps::Stop{2, "skerry-loadgen: " + wrong});
    return settings;
}

}  // namespace skerry::loadgen
