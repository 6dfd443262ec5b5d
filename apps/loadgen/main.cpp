// skerry-loadgen: requests on a schedule, and how long the answers take. See README.md beside this file.

#include "client_conduct.hpp"
#include "client_settings.hpp"
#include "report/fingerprint.hpp"
#include "report/report.hpp"

#include "common/backends.hpp"
#include "common/output_file.hpp"
#include "common/process.hpp"
#include "common/report.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/version.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

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
    report.series = std::move(outcome.series);
    return report;
}

/// What is written at the end, and who makes its text.
struct Output {
    apps::OutputFile file;
    std::string (*text)(const Report&);
};

std::string csv_of(const Report& report) { return to_csv(std::span(&report, 1)); }
std::string json_of(const Report& report) { return to_json(report); }
std::string series_of(const Report& report) { return report.series; }
std::string response_hgrm_of(const Report& report) { return hgrm_text(report.summary.response); }
std::string service_hgrm_of(const Report& report) { return hgrm_text(report.summary.service); }

Result<std::vector<Output>, apps::FileError> open_outputs(const Settings& settings) {
    std::vector<std::pair<std::string, std::string (*)(const Report&)>> wanted;
    if (!settings.shared.json_file.empty()) wanted.emplace_back(settings.shared.json_file, &json_of);
    if (!settings.csv_file.empty()) wanted.emplace_back(settings.csv_file, &csv_of);
    if (!settings.series_file.empty()) wanted.emplace_back(settings.series_file, &series_of);
    if (!settings.hgrm_prefix.empty()) {
        const auto names = hgrm_names(settings.hgrm_prefix);
        wanted.emplace_back(names[0], &response_hgrm_of);
        wanted.emplace_back(names[1], &service_hgrm_of);
    }
    std::vector<Output> outputs;
    for (auto& [path, text] : wanted) {
        auto file = apps::OutputFile::open(std::move(path));
        if (!file) return Unexpected(std::move(file).error());
        outputs.push_back({std::move(*file), text});
    }
    return outputs;
}

/// 0 when all could be written.
int write_all(std::vector<Output>& outputs, const Report& report) {
    int code = 0;
    for (Output& output : outputs)
        if (const auto written = output.file.write(output.text(report)); !written) code = apps::report(written.error());
    return code;
}

int tell(const Settings& settings, std::vector<Output>& outputs, const Report& report, bool interrupted,
         std::uint64_t failures, const std::optional<Error>& first_error) {
    int code = apps::print(to_table(std::span(&report, 1)));
    if (const int unwritten = write_all(outputs, report); unwritten != 0) code = unwritten;
    if (interrupted) (void)apps::report("interrupted: the figures end there");
    if (first_error)
        (void)apps::report(std::to_string(failures) +
                           " connections or datagrams failed, first by: " + first_error->message());
    if (report.summary.invalid())
        for (const std::string& reason : report.summary.invalid_reasons())
            (void)apps::report("INVALID RUN, do not use its figures: " + reason);
    if (settings.strict && report.summary.invalid()) return apps::exit_failure;
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    auto settings = read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = choose_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    auto outputs = open_outputs(*settings);
    if (!outputs) return apps::report(outputs.error());

    auto runtime = apps::builder_for_sockets(settings->shared.runtime).build();
    if (!runtime) return apps::report(runtime.error());
    Outcome outcome = runtime->block_on(conduct(*settings));
    if (!outcome.refusal.empty()) return apps::report(outcome.refusal);
    if (outcome.series_left_out != 0)
        (void)apps::report(std::to_string(outcome.series_left_out) + " windows of the series had no room",
                           "give a longer --window");
    const bool interrupted = outcome.interrupted;
    const std::uint64_t failures = outcome.failures;
    const std::optional<Error> first_error = outcome.first_error;
    const Report report = report_of(*settings, *runtime, std::move(outcome));
    return tell(*settings, *outputs, report, interrupted, failures, first_error);
}
