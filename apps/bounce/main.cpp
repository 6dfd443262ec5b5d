// skerry-bounce: how long a bare frame takes through a port of DPDK and back. See README.md beside this file.

#include "bounce.hpp"

#include "common/options.hpp"
#include "common/output_file.hpp"
#include "common/process.hpp"
#include "common/report.hpp"
#include "common/values.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace {

using namespace skerry;

enum class Side : std::uint8_t { bounce, measure, circulate };

struct Settings {
    Side side = Side::bounce;
    std::size_t bytes = 130;  // of a frame of TCP with 64 bytes of data and timestamps
    std::chrono::nanoseconds duration = std::chrono::seconds{1};
    std::chrono::nanoseconds warm_up = std::chrono::milliseconds{100};
    std::string series_file;
    std::chrono::nanoseconds window = std::chrono::milliseconds{100};  // of the series
};

constexpr std::size_t circulating_frames = 512;
constexpr auto link_patience = std::chrono::seconds{20};
constexpr auto farewell_patience = std::chrono::seconds{5};

volatile std::sig_atomic_t is_stopped = 0;

void add_options(CLI::App& app, Settings& settings) {
    const auto side = [&settings](const std::string& text) {
        const std::map<std::string, Side> sides{
            {"bounce", Side::bounce}, {"measure", Side::measure}, {"circulate", Side::circulate}};
        const auto found = sides.find(text);
        if (found == sides.end())
            throw CLI::ValidationError("--side=" + text, "no such value; accepted: bounce, measure, circulate");
        settings.side = found->second;
    };
    app.add_option_function<std::string>("--side", side,
                                         "bounce (default): sends frames back; measure: sends one and waits for it; "
                                         "circulate: counts how fast the other side returns them")
        ->type_name("NAME");
    const auto bytes = [&settings](const std::string& text) {
        const auto value = apps::parse_whole_number(text, bounce::bytes_max);
        if (!value || *value < bounce::bytes_min)
            throw CLI::ValidationError("--bytes=" + text, "accepted: a whole number from 60 to 1514");
        settings.bytes = static_cast<std::size_t>(*value);
    };
    app.add_option_function<std::string>("--bytes", bytes, "of a frame, without its checksum; default 130")
        ->type_name("N");
    const auto add_time = [&app](const std::string& name, const std::string& help, std::chrono::nanoseconds& target) {
        const auto take = [name, &target](const std::string& text) {
            auto parsed = apps::parse_duration(text);
            if (!parsed) throw CLI::ValidationError(name + "=" + text, parsed.error().message);
            target = *parsed;
        };
        app.add_option_function<std::string>(name, take, help)->type_name("TIME");
    };
    add_time("--duration", "how long is measured; default 1s", settings.duration);
    add_time("--warmup", "how long frames are sent before; default 100ms", settings.warm_up);
    app.add_option("--series", settings.series_file,
                   "write count, median and longest of each window to this file as CSV")
        ->type_name("FILE");
    const auto window = [&settings](const std::string& text) {
        const auto parsed = apps::parse_duration(text);
        if (!parsed || *parsed < std::chrono::milliseconds{1})
            throw CLI::ValidationError("--window=" + text, "accepted: 1ms or longer, for example 100ms");
        settings.window = *parsed;
    };
    app.add_option_function<std::string>("--window", window, "of the series; default 100ms")->type_name("TIME");
}

Task<bool> link_is_up(dpdk::Port port) {
    const time::Instant until = time::Instant::now() + link_patience;
    while (!port.link().up) {
        if (is_stopped != 0 || time::Instant::now() > until) co_return false;
        co_await yield_to_driver();
    }
    co_return true;
}

Task<std::optional<metrics::HdrHistogram>> measure(Settings settings, apps::TimeSeries* series) {
    const dpdk::Port port = *dpdk::Port::open(0);
    const bool is_up = co_await link_is_up(port);
    if (!is_up) co_return std::nullopt;
    co_return bounce::measure(port, settings.bytes, settings.warm_up, settings.duration, series,
                              [] { return is_stopped != 0; });
}

Task<std::optional<bounce::Circulated>> circulate(Settings settings) {
    const dpdk::Port port = *dpdk::Port::open(0);
    const bool is_up = co_await link_is_up(port);
    if (!is_up) co_return std::nullopt;
    co_return bounce::circulate(port, settings.bytes, circulating_frames, settings.warm_up, settings.duration);
}

/// The side that looks into the rings goes first: it crashes when DPDK takes them away meanwhile, and may have had no
/// turn yet to read that it is over. Devices whose link stays up are waited for in vain.
Task<> other_side_gone(dpdk::Port port) {
    const time::Instant until = time::Instant::now() + farewell_patience;
    while (port.link().up && is_stopped == 0 && time::Instant::now() < until) co_await yield_to_driver();
}

Task<std::uint64_t> send_back() {
    const dpdk::Port port = *dpdk::Port::open(0);
    (void)apps::print("skerry-bounce: ready\n");
    const std::uint64_t count = bounce::send_back(port, [] { return is_stopped != 0; });
    co_await other_side_gone(port);
    co_return count;
}

std::string json_of(const Settings& settings, const bounce::Circulated& counted) {
    const double seconds = std::chrono::duration<double>(counted.took).count();
    return "{\"bytes\": " + std::to_string(settings.bytes) + ", \"count\": " + std::to_string(counted.frames) +
           ", \"lost\": " + std::to_string(counted.lost) +
           ", \"rate\": " + std::to_string(static_cast<double>(counted.frames) / seconds) + "}\n";
}

std::string json_of(const Settings& settings, const metrics::HdrHistogram& times) {
    const auto us = [&times](double percentile) {
        return std::to_string(static_cast<double>(times.value_at_percentile(percentile)) / 1000.0);
    };
    return "{\"bytes\": " + std::to_string(settings.bytes) + ", \"count\": " + std::to_string(times.total_count()) +
           ", \"p50_us\": " + us(50) + ", \"p99_us\": " + us(99) + "}\n";
}

constexpr const char* no_answer = "nothing came back; start the other side first";

int tell(const std::string& text, std::optional<apps::OutputFile>& json) {
    const int printed = apps::print(text);
    if (!json) return printed;
    const auto written = json->write(text);
    return written ? printed : apps::report(written.error());
}

int run_measure(runtime::Runtime& runtime, const Settings& settings, std::optional<apps::OutputFile>& json,
                std::optional<apps::OutputFile>& series_file) {
    std::optional<apps::TimeSeries> series;
    if (series_file) series.emplace(settings.window, settings.warm_up + settings.duration);
    const auto times = runtime.block_on(measure(settings, series ? &*series : nullptr));
    if (!times || times->empty()) return apps::report(no_answer);
    const int told = tell(json_of(settings, *times), json);
    if (!series) return told;
    std::string csv = apps::TimeSeries::header;
    series->append_rows(csv, 0);
    const auto written = series_file->write(csv);
    return written ? told : apps::report(written.error());
}

/// The file, when its name was given.
Result<std::optional<apps::OutputFile>, apps::FileError> open_if_named(const std::string& path) {
    std::optional<apps::OutputFile> opened;
    if (path.empty()) return opened;
    auto file = apps::OutputFile::open(path);
    if (!file) return Unexpected(std::move(file).error());
    opened.emplace(std::move(*file));
    return opened;
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    Settings settings;
    const apps::Program program{.name = "skerry-bounce",
                                .summary = "Times a bare frame through a port of DPDK and back.",
                                .backends = {"dpdk"},
                                .takes_any_backend = false};
    auto options = apps::parse_options(program, argc, argv, [&settings](CLI::App& app) { add_options(app, settings); });
    if (!options) return apps::finish(options.error());
    if (auto plan = runtime::resolve_cores(options->runtime); !plan) return apps::report(plan.error());
    auto json_file = open_if_named(options->json_file);
    if (!json_file) return apps::report(json_file.error());
    auto series_file = open_if_named(settings.series_file);
    if (!series_file) return apps::report(series_file.error());
    for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { is_stopped = 1; });
    auto runtime = runtime::Builder(options->runtime).offer(dpdk::make_backend()).build();
    if (!runtime) return apps::report(runtime.error());
    if (settings.side == Side::measure) return run_measure(*runtime, settings, *json_file, *series_file);
    if (settings.side == Side::circulate) {
        const auto counted = runtime->block_on(circulate(settings));
        return counted && counted->frames != 0 ? tell(json_of(settings, *counted), *json_file)
                                               : apps::report(no_answer);
    }
    const std::uint64_t count = runtime->block_on(send_back());
    return apps::print("skerry-bounce: sent back " + std::to_string(count) + "\n");
}
