// skerry-forward: raw frames through a port, or from one port to another. See README.md beside this file.

#include "common/options.hpp"
#include "common/output_file.hpp"
#include "common/process.hpp"
#include "common/report.hpp"
#include "common/start_line.hpp"
#include "forward.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/options.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/spawn_blocking.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace skerry;
using forward::CoreCounts;
using forward::Mode;

/// Blocked in every thread, and taken by the one that waits for them: this backend has no descriptors to wait for.
sigset_t stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    return signals;
}

int wait_for_stop() {
    const sigset_t signals = stop_signals();
    int number = 0;
    ::sigwait(&signals, &number);
    return number;
}

Task<> forward_here(std::size_t from, std::size_t to, Mode mode, CoreCounts* cores) {
    return forward::run(*dpdk::Port::open(from), *dpdk::Port::open(to), mode, &cores[this_core().index]);
}

struct Total : forward::Counts {
    std::uint64_t no_buffers = 0;
};

struct PortCounts {
    std::uint64_t no_buffers = 0;
    std::uint64_t too_long = 0;
};

Task<PortCounts> count_here() {
    PortCounts sum;
    for (std::size_t i = 0; i < dpdk::Port::count(); ++i) {
        const dpdk::PortStats stats = dpdk::Port::open(i)->stats();
        sum.no_buffers += stats.no_buffers;
        sum.too_long += stats.tx_too_long;
    }
    co_return sum;
}

Task<Total> forward_until_stopped(Mode mode, std::string start_line) {
    const auto cores = std::make_unique<CoreCounts[]>(core_count());
    std::vector<JoinHandle<void>> running;
    for (std::size_t from = 0; from < dpdk::Port::count(); ++from)
        for (auto& task : on_each_core(&forward_here, from, mode == Mode::l2fwd ? 1 - from : from, mode, cores.get()))
            running.push_back(std::move(task));
    (void)apps::print(start_line + "\n");
    auto stopped = spawn_blocking(&wait_for_stop);
    (void)co_await stopped;
    for (auto& task : running) task.abort();
    for (auto& task : running) (void)co_await task;
    Total total;
    for (std::size_t i = 0; i < core_count(); ++i) {
        total.received += cores[i].received;
        total.sent += cores[i].sent;
        total.dropped += cores[i].dropped;
    }
    auto asked = on_each_core(&count_here);
    for (auto& core : asked) {
        const PortCounts here = (co_await core).value_or(PortCounts{});
        total.no_buffers += here.no_buffers;
        total.sent -= here.too_long;
        total.dropped += here.too_long;
    }
    co_return total;
}

std::string start_line(Mode mode, const dpdk::Options& devices, const runtime::Runtime& runtime) {
    apps::StartLine line;
    line.program = "skerry-forward";
    line.service = mode == Mode::l2fwd ? "l2fwd" : "macswap";
    line.backend = runtime.driver();
    line.backend_reason = runtime.reason();
    for (const dpdk::Device& device : devices.devices) line.address += (line.address.empty() ? "" : ", ") + device.name;
    return apps::format_start_line(line, runtime.plan());
}

std::string text_of(const Total& total, bool as_json) {
    const std::pair<const char*, std::uint64_t> fields[] = {{"received", total.received},
                                                            {"sent", total.sent},
                                                            {"dropped", total.dropped},
                                                            {"no_buffers", total.no_buffers}};
    std::string out;
    for (const auto& [name, value] : fields)
        out += (out.empty() ? "" : ", ") + (as_json ? "\"" + std::string(name) + "\": " + std::to_string(value)
                                                    : std::string(name) + " " + std::to_string(value));
    return as_json ? "{" + out + "}\n" : "skerry-forward: " + out + "\n";
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    Mode mode = Mode::macswap;
    const apps::Program program{.name = "skerry-forward",
                                .summary = "Forwards raw frames between ports of DPDK.",
                                .backends = {"dpdk"},
                                .takes_any_backend = false};
    auto options = apps::parse_options(program, argc, argv, [&mode](CLI::App& app) {
        const std::map<std::string, Mode> modes{{"macswap", Mode::macswap}, {"l2fwd", Mode::l2fwd}};
        const auto take = [&mode, modes](const std::string& text) {
            const auto found = modes.find(text);
            if (found == modes.end())
                throw CLI::ValidationError("--mode=" + text, "no such value; accepted: macswap, l2fwd");
            mode = found->second;
        };
        app.add_option_function<std::string>("--mode", take,
                                             "macswap (default) or l2fwd, from the first port to the "
                                             "second and back")
            ->type_name("NAME");
    });
    if (!options) return apps::finish(options.error());
    auto devices = dpdk::parse_options(options->runtime.dpdk);
    if (!devices) return apps::report("--" + devices.error().message, {}, apps::exit_usage);
    if (mode == Mode::l2fwd && devices->devices.size() != 2)
        return apps::report("--mode=l2fwd forwards between two ports; name two devices in --dpdk", {},
                            apps::exit_usage);
    if (auto plan = runtime::resolve_cores(options->runtime); !plan) return apps::report(plan.error());
    std::optional<apps::OutputFile> json;
    if (!options->json_file.empty()) {
        auto file = apps::OutputFile::open(options->json_file);
        if (!file) return apps::report(file.error());
        json.emplace(std::move(*file));
    }
    const sigset_t signals = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    auto runtime = runtime::Builder(options->runtime).offer(dpdk::make_backend()).build();
    if (!runtime) return apps::report(runtime.error());
    const Total total = runtime->block_on(forward_until_stopped(mode, start_line(mode, *devices, *runtime)));
    runtime->shutdown(options->runtime.grace);
    const int printed = apps::print(text_of(total, false));
    if (!json) return printed;
    const auto written = json->write(text_of(total, true));
    return written ? printed : apps::report(written.error());
}
