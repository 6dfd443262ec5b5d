#include "client_outputs.hpp"

#include "common/report.hpp"

#include <skerry/version.hpp>

#include <cerrno>

namespace skerry::loadgen {

Report report_of(const Settings& settings, const runtime::Runtime& runtime, Outcome&& outcome) {
    Report report;
    report.run.backend = runtime.driver();
    report.run.proto = to_string(settings.proto);
    if (is_plain(settings.proto)) report.run.mode = to_string(settings.mode);
    report.run.bytes = settings.request_bytes();
    report.run.conns = settings.conns;
    report.run.inflight = settings.inflight_limit();
    report.run.per_conn = settings.per_conn.value_or(0);
    report.run.idle = settings.server_idle;
    report.run.client_idle = runtime::to_string(runtime.plan().cores.front().idle);
    if (settings.rate) {
        report.run.rate = settings.rate->per_second();
        report.run.arrivals = settings.arrivals;
    }
    report.run.warm_up_s = std::chrono::duration<double>(settings.warmup).count();
    report.run.jitter_us = outcome.jitter_us;
    report.run.backend_reason = runtime.reason();
    report.run.cores = runtime.plan().cpus().to_string();
    report.run.command = settings.command;
    report.run.started_s = outcome.started_s;
    report.summary = std::move(*outcome.summary);
    report.machine = this_machine(SKERRY_VERSION);
    report.series = std::move(outcome.series);
    return report;
}

namespace {

apps::Stop stop(int exit_code, const std::string& what) {
    return {exit_code, apps::report_line(program_invocation_short_name, what)};
}

}  // namespace

Result<Outputs, apps::Stop> Outputs::open(const Wanted& wanted, const std::vector<std::string>& inputs) {
    Outputs outputs;
    std::vector<std::string> taken = inputs;
    for (const auto& [path, text] : wanted) {
        if (path.empty()) continue;
        for (const std::string& other : taken)
            if (apps::are_one_file(path, other))
                return Unexpected(stop(apps::exit_usage, path + ": would overwrite " +
                                                             (path == other ? "what is there for another use" : other) +
                                                             "; accepted: a file of its own for each use"));
        taken.push_back(path);
        auto file = apps::OutputFile::open(path);
        if (!file) return Unexpected(stop(apps::exit_failure, file.error().message));
        outputs.files_.push_back({std::move(*file), text});
    }
    return outputs;
}

int Outputs::write() {
    int code = 0;
    for (File& each : files_)
        if (const auto written = each.file.write(each.text()); !written) code = apps::report(written.error());
    return code;
}

}  // namespace skerry::loadgen
