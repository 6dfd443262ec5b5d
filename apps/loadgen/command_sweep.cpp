#include "commands.hpp"

#include "client_outputs.hpp"
#include "client_runtime.hpp"
#include "report/page.hpp"
#include "sweep/knee.hpp"
#include "sweep/sweep_text.hpp"
#include "sweep/trial_judge.hpp"

#include "common/number_text.hpp"
#include "common/report.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::loadgen {

namespace {

constexpr std::array curve_percent{10, 25, 50, 75, 90, 95};

/// A sweep while it goes on. A run that cannot be made ends it, and so does a signal.
class Sweep {
public:
    Sweep(runtime::Runtime& runtime, apps::StopSignals& signals, const Settings& settings)
        : runtime_(runtime), signals_(signals), settings_(settings), judge_(in_us(settings.sweep.p99_max)) {}

    /// Finds the knee. False: it was ended; the exit code is end_code().
    bool search() {
        KneeSearch search({settings_.sweep.from, settings_.sweep.to});
        result_.from = settings_.sweep.from;
        while (const auto rate = search.next()) {
            const auto report = run(trial(*rate));
            if (!report) return false;
            search.take(passed(*rate, *report));
        }
        result_.p99_max_us = judge_.p99_max_us().value_or(0);
        result_.knee = search.knee();
        result_.is_bounded = search.is_bounded();
        return true;
    }

    /// Measures the points of the curve. False: as search().
    bool curve() {
        for (const int percent : curve_percent) {
            Settings point = settings_;
            const auto rate = std::max<std::uint64_t>(result_.knee * static_cast<unsigned>(percent) / 100, 1);
            point.rate = Rate{rate, 1};
            auto report = run(point);
            if (!report) return false;
            reports_.push_back(std::move(*report));
        }
        return true;
    }

    [[nodiscard]] const SweepResult& result() const noexcept { return result_; }
    [[nodiscard]] const std::vector<Report>& reports() const noexcept { return reports_; }
    [[nodiscard]] int end_code() const noexcept { return end_code_; }

private:
    static std::optional<double> in_us(std::optional<Nanos> span) {
        if (!span) return std::nullopt;
        return std::chrono::duration<double, std::micro>(*span).count();
    }

    [[nodiscard]] Settings trial(std::uint64_t rate) const {
        Settings trial = settings_;
        trial.rate = Rate{rate, 1};
        trial.duration = settings_.sweep.trial;
        trial.warmup = std::min(settings_.warmup, settings_.sweep.trial / 4);
        trial.jitter = Nanos{0};
        return trial;
    }

    std::optional<Report> run(const Settings& settings) {
        Outcome outcome = runtime_.block_on(conduct(settings, signals_));
        if (!outcome.refusal.empty()) end_code_ = apps::report(outcome.refusal);
        if (outcome.interrupted) (void)apps::report("interrupted: the sweep ends there");
        if (!outcome.refusal.empty() || outcome.interrupted) return std::nullopt;
        trouble_ = !outcome.first_failure.empty()   ? outcome.first_failure
                   : !outcome.first_refusal.empty() ? outcome.first_refusal
                                                    : outcome.first_damage;
        return report_of(settings, runtime_, std::move(outcome));
    }

    /// Whether the rate is below the knee; prints a line that says so.
    bool passed(std::uint64_t rate, const Report& report) {
        const auto p99 = TrialJudge::p99_us(report.summary);
        const std::string why = judge_.why_failed(report.summary);
        (void)apps::print(
            "trial  " + apps::grouped_text(rate) + "/s  p99 " + (p99 ? apps::fixed_text(*p99, 1) : "n/a") + " us  " +
            (why.empty() ? "passed" : "failed: " + why + (trouble_.empty() ? "" : "; first by: " + trouble_)) + "\n");
        return why.empty();
    }

    runtime::Runtime& runtime_;
    apps::StopSignals& signals_;  // of all runs: one that comes between two of them ends the next
    const Settings& settings_;
    TrialJudge judge_;
    SweepResult result_;
    std::vector<Report> reports_;
    std::string trouble_;  // of the last run: what failed first, or was refused; empty: nothing
    int end_code_ = 0;
};

std::string page_of(const SweepResult& result, const std::vector<Report>& reports) {
    Page page{"skerry-loadgen: sweep", reports};
    if (result.knee != 0) page.knee = static_cast<double>(result.knee);
    page.knee_reason = knee_text(result);
    return page_text(page);
}

}  // namespace

int command_sweep(int argc, const char* const* argv) {
    auto settings = read_sweep_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = choose_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    SweepResult result;
    std::vector<Report> reports;
    auto outputs = Outputs::open({{settings->shared.json_file, [&] { return to_json(result, reports); }},
                                  {settings->csv_file, [&] { return to_csv(reports); }},
                                  {settings->html_file, [&] { return page_of(result, reports); }}});
    if (!outputs) return apps::finish(outputs.error());
    std::optional<apps::StopSignals> signals;  // until the runtime is gone, whose core it belongs to
    auto runtime = apps::builder_for_sockets(settings->shared.runtime).build();
    if (!runtime) return apps::report(runtime.error());
    apps::note_unused_network(settings->shared.runtime, *runtime);
    auto listening = runtime->block_on(listen_to_stops());
    if (!listening) return apps::report(listening.error(), "cannot listen to SIGTERM and SIGINT");
    signals = *std::move(listening);

    Sweep sweep(*runtime, *signals, *settings);
    if (!sweep.search()) return sweep.end_code();
    result = sweep.result();
    if (result.knee == 0) return apps::report(knee_text(result));
    const bool is_whole = sweep.curve();
    reports = sweep.reports();
    if (reports.empty()) return sweep.end_code();
    const int lost = apps::print(knee_text(result) + "\n\n" + to_table(reports));
    const int unwritten = outputs->write();
    if (!is_whole && sweep.end_code() != 0) return sweep.end_code();
    return std::max(lost, unwritten);
}

}  // namespace skerry::loadgen
