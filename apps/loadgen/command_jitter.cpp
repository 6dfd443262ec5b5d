#include "commands.hpp"

#include "client_option_kinds.hpp"
#include "client_outputs.hpp"
#include "jitter_text.hpp"

#include "common/options.hpp"
#include "common/report.hpp"

#include <skerry/topology/cpu_set.hpp>

#include <CLI/CLI.hpp>

#include <latch>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace skerry::loadgen {

namespace {

constexpr const char* fewer_cores = "name others, or fewer, with --cores";

apps::Program program() {
    return {"skerry-loadgen jitter",
            "Watches cores for interruptions, all of them at once: how long and how often the machine itself stops a "
            "program that never waits. A latency tail shorter than that is the machine's.",
            {}};
}

struct JitterSettings {
    std::optional<topology::CpuSet> cores;  ///< without: all that can be had
    Nanos duration = std::chrono::seconds{1};
    std::string json_file;
};

void add_options(CLI::App& app, JitterSettings& settings) {
    const auto parse = [&settings](const std::string& text) {
        auto cores = apps::parse_cores(text);
        if (!cores) refuse("--cores", text, cores.error().message);
        settings.cores = *cores;
    };
    app.add_option_function<std::string>("--cores", parse, "which; default: all that this program may use")
        ->type_name("LIST");
    add_duration(app, "--duration", "how long; default 1s", [&settings](Nanos value) {
        if (value == Nanos{0}) refuse("--duration", "0", "accepted: a time above 0");
        settings.duration = value;
    });
    app.add_option("--json", settings.json_file, "write the results to this file as JSON")->type_name("FILE");
}

/// A core, the thread that watches it, and why it could not.
struct Watch {
    CoreJitter core;
    Error failure;
    std::thread thread;

    /// Begins when all are there.
    void run(std::latch& all, Nanos duration) {
        auto pinned = topology::pin_current_thread(core.cpu);
        all.arrive_and_wait();
        if (pinned)
            core.seen = measure_jitter(duration);
        else
            failure = pinned.error();
    }
};

/// Why not all could be watched; empty when they were.
std::string watch_all(std::vector<Watch>& watches, Nanos duration) {
    std::latch all(static_cast<std::ptrdiff_t>(watches.size()));
    std::string why_not;
    auto left = static_cast<std::ptrdiff_t>(watches.size());
    for (Watch& watch : watches) {
        try {
            watch.thread = std::thread([&watch, &all, duration] { watch.run(all, duration); });
            --left;
        } catch (const std::system_error& thrown) {
            why_not = "cannot start a thread for each core: " + thrown.code().message();
            all.count_down(left);
            break;
        }
    }
    for (Watch& watch : watches) {
        if (watch.thread.joinable()) watch.thread.join();
        if (watch.failure != Errc::ok && why_not.empty())
            why_not = "cannot run on core " + std::to_string(watch.core.cpu) + ": " + watch.failure.message();
    }
    return why_not;
}

}  // namespace

int command_jitter(int argc, const char* const* argv) {
    JitterSettings settings;
    const auto parsed =
        apps::parse_own_options(program(), argc, argv, [&settings](CLI::App& app) { add_options(app, settings); });
    if (!parsed) return apps::finish(parsed.error());
    auto available = topology::available_cpus();
    if (!available) return apps::report(available.error(), "cannot see which cores there are");
    const topology::CpuSet wanted = settings.cores.value_or(*available);
    if (const auto missing = wanted.minus(*available); !missing.empty())
        return apps::report("--cores: not this program's to use: " + missing.to_string(),
                            "accepted: some of " + available->to_string(), apps::exit_usage);
    std::vector<CoreJitter> cores;
    auto outputs = Outputs::open({{settings.json_file, [&] { return jitter_json(cores); }}});
    if (!outputs) return apps::finish(outputs.error());

    std::vector<Watch> watches;
    for (const unsigned cpu : wanted) watches.emplace_back().core.cpu = cpu;
    if (const std::string why_not = watch_all(watches, settings.duration); !why_not.empty())
        return apps::report(why_not, fewer_cores);
    for (const Watch& watch : watches) cores.push_back(watch.core);
    if (const int status = apps::print(jitter_table(cores)); status != 0) return status;
    return outputs->write();
}

}  // namespace skerry::loadgen
