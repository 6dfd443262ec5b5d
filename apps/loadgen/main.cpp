// skerry-loadgen: requests on a schedule, and how long the answers take. See README.md beside this file.

#include "client_conduct.hpp"
#include "client_settings.hpp"
#include "fingerprint.hpp"
#include "report.hpp"

#include "common/descriptors.hpp"
#include "common/report.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/version.hpp>

#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <utility>

namespace {

using namespace skerry;
using namespace skerry::loadgen;

/// Without --cores one core, the last there is: a server that starts on the first is not disturbed.
Result<runtime::CorePlan, runtime::ConfigError> choose_cores(runtime::Config& config) {
    auto plan = runtime::resolve_cores(config);
    if (!plan || config.cores) return plan;
    const unsigned last = plan->cores.back().cpu;
    config.cores = topology::CpuSet::range(last, last + 1);
    return runtime::resolve_cores(config);
}

Report report_of(const Settings& settings, const runtime::Runtime& runtime, Outcome&& outcome) {
    Report report;
    report.run.backend = runtime.driver();
    report.run.proto = to_string(settings.proto);
    report.run.bytes = settings.size;
    report.run.conns = settings.conns;
    report.run.inflight = settings.inflight_limit();
    report.run.idle = settings.server_idle;
    report.run.client_idle = runtime::to_string(runtime.plan().cores.front().idle);
    if (settings.rate) {
        report.run.rate = settings.rate->per_second();
        report.run.arrivals = settings.arrivals;
    }
    report.run.warm_up_s = std::chrono::duration<double>(settings.warmup).count();
    report.run.jitter_us = outcome.jitter_us;
    report.summary = std::move(*outcome.summary);
    report.machine = this_machine(SKERRY_VERSION);
    return report;
}

bool write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    return file.good() || apps::report("cannot write " + path) == 0;
}

bool write_files(const Settings& settings, const Report& report) {
    bool written = true;
    if (!settings.shared.json_file.empty()) written &= write_file(settings.shared.json_file, to_json(report));
    if (!settings.csv_file.empty()) written &= write_file(settings.csv_file, to_csv(std::span(&report, 1)));
    if (!settings.hgrm_prefix.empty())
        for (const auto& [name, text] : hgrm_files(report, settings.hgrm_prefix)) written &= write_file(name, text);
    return written;
}

int tell(const Settings& settings, const Report& report, bool interrupted, std::uint64_t failures,
         const std::optional<Error>& first_error) {
    std::fputs(to_table(std::span(&report, 1)).c_str(), stdout);
    std::fflush(stdout);
    const bool written = write_files(settings, report);
    if (interrupted) (void)apps::report("interrupted: the figures end there");
    if (first_error)
        (void)apps::report(std::to_string(failures) +
                           " connections or datagrams failed, first by: " + first_error->message());
    if (report.summary.invalid())
        for (const std::string& reason : report.summary.invalid_reasons())
            (void)apps::report("INVALID RUN, do not use its figures: " + reason);
    if (!written) return apps::exit_failure;
    return settings.strict && report.summary.invalid() ? apps::exit_failure : 0;
}

}  // namespace

int main(int argc, char** argv) {
    auto settings = read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = choose_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    apps::raise_descriptor_limit();

    auto runtime = runtime::Builder(settings->shared.runtime).offer(kernel_io::make_backend()).build();
    if (!runtime) return apps::report(runtime.error());
    Outcome outcome = runtime->block_on(conduct(*settings));
    if (!outcome.refusal.empty()) return apps::report(outcome.refusal);
    const bool interrupted = outcome.interrupted;
    const std::uint64_t failures = outcome.failures;
    const std::optional<Error> first_error = outcome.first_error;
    const Report report = report_of(*settings, *runtime, std::move(outcome));
    return tell(*settings, report, interrupted, failures, first_error);
}
