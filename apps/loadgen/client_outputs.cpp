#include "client_outputs.hpp"

#include "common/report.hpp"

#include <skerry/version.hpp>

namespace skerry::loadgen {

Report report_of(const Settings& settings, const runtime::Runtime& runtime, Outcome&& outcome) {
    Report report;
    report.run.backend = runtime.driver();
    report.run.proto = to_string(settings.proto);
    report.run.bytes = settings.request_bytes();
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
    report.run.backend_reason = runtime.reason();
    report.run.cores = runtime.plan().cpus().to_string();
    report.run.command = settings.command;
    report.run.started_s = outcome.started_s;
    report.summary = std::move(*outcome.summary);
    report.machine = this_machine(SKERRY_VERSION);
    report.series = std::move(outcome.series);
    return report;
}

Result<Outputs, apps::FileError> Outputs::open(const Wanted& wanted) {
    Outputs outputs;
    for (const auto& [path, text] : wanted) {
        if (path.empty()) continue;
        auto file = apps::OutputFile::open(path);
        if (!file) return Unexpected(std::move(file).error());
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
