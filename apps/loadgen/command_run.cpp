#include "commands.hpp"

#include "client_outputs.hpp"
#include "client_runtime.hpp"
#include "report/hlog.hpp"
#include "report/page.hpp"

#include "common/number_text.hpp"
#include "common/report.hpp"

#include <optional>
#include <span>
#include <string>
#include <utility>

namespace skerry::loadgen {

namespace {

std::string title_of(const Report& report) {
    return "skerry-loadgen: " + report.run.proto + ", " +
           (report.run.rate ? apps::exact_text(*report.run.rate) + " requests a second" : "closed loop");
}

/// The files of a run. Their texts are made of `report`, which is empty when they are opened.
Outputs::Wanted wanted_files(const Settings& settings, const Report& report) {
    const auto names = hgrm_names(settings.hgrm_prefix);
    const bool has_hgrm = !settings.hgrm_prefix.empty();
    return {{settings.shared.json_file, [&report] { return to_json(report); }},
            {settings.html_file, [&report] { return page_text({title_of(report), std::span(&report, 1)}); }},
            {settings.csv_file, [&report] { return to_csv(std::span(&report, 1)); }},
            {settings.hlog_file, [&report] { return hlog_text(report); }},
            {settings.series_file, [&report] { return report.series; }},
            {has_hgrm ? names[0] : "", [&report] { return hgrm_text(report.summary.response); }},
            {has_hgrm ? names[1] : "", [&report] { return hgrm_text(report.summary.service); }}};
}

/// What a run left to say beside its figures.
struct Aftermath {
    bool interrupted = false;
    std::uint64_t failures = 0;
    std::string first_failure;
    std::string first_refusal;
    std::string first_damage;
};

/// What to look at when nothing was answered.
std::string unanswered_text(const Settings& settings) {
    std::string spoken = "--proto=" + std::string(to_string(settings.proto));
    if (is_plain(settings.proto)) spoken += " --mode=" + std::string(to_string(settings.mode));
    return "no request of the measured time was answered; look whether " + settings.connect.text + " speaks " + spoken +
           " and is still there";
}

/// What to look at when all that was answered was no.
std::string refused_text(const Settings& settings) {
    const std::string text = "every answer of the measured time was a refusal; look at ";
    return text + (settings.proto == Proto::http ? "--path" : "--command and who may use the server");
}

/// Why a run failed that nobody cut short, whether it is --strict or not; empty: it did not.
std::string why_of_no_use(const Settings& settings, const Summary& summary) {
    if (summary.is_unanswered()) return unanswered_text(settings);
    if (summary.is_refused()) return refused_text(settings);
    if (!summary.lost_its_server(settings.conns)) return {};
    return "no connection lasted: each ended, or had no answer for --timeout, before the run was over; look whether " +
           settings.connect.text + " is still there";
}

int tell(const Settings& settings, Outputs& outputs, const Report& report, const Aftermath& after) {
    int code = apps::print(to_table(std::span(&report, 1)));
    if (const int unwritten = outputs.write(); unwritten != 0) code = unwritten;
    if (after.interrupted) (void)apps::report("interrupted: the figures end there");
    if (!after.first_failure.empty())
        (void)apps::report(std::to_string(after.failures) +
                           " connections or datagrams failed, first by: " + after.first_failure);
    if (!after.first_refusal.empty())
        (void)apps::report(std::to_string(report.summary.refused) +
                           " answers of the measured time were refusals, first: " + after.first_refusal);
    if (!after.first_damage.empty()) {
        const std::uint64_t errors = report.summary.errors;
        (void)apps::report((errors != 0 ? std::to_string(errors) + " requests of" : "requests outside of") +
                           " the measured time ended in an error, first by: " + after.first_damage);
    }
    if (!after.interrupted)
        if (const std::string why = why_of_no_use(settings, report.summary); !why.empty()) code = apps::report(why);
    if (report.summary.invalid())
        for (const std::string& reason : report.summary.invalid_reasons())
            (void)apps::report("INVALID RUN, do not use its figures: " + reason);
    if (settings.strict && report.summary.invalid()) return apps::exit_failure;
    return code;
}

}  // namespace

int command_run(int argc, const char* const* argv) {
    auto settings = read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = choose_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    Report report;
    auto outputs = Outputs::open(wanted_files(*settings, report));
    if (!outputs) return apps::finish(outputs.error());

    std::optional<apps::StopSignals> signals;  // until the runtime is gone, whose core it belongs to
    auto runtime = apps::builder_for_sockets(settings->shared.runtime).build();
    if (!runtime) return apps::report(runtime.error());
    apps::note_unused_network(settings->shared.runtime, *runtime);
    auto listening = runtime->block_on(listen_to_stops());
    if (!listening) return apps::report(listening.error(), "cannot listen to SIGTERM and SIGINT");
    signals = *std::move(listening);
    Outcome outcome = runtime->block_on(conduct(*settings, *signals));
    if (!outcome.refusal.empty()) return apps::report(outcome.refusal);
    if (!outcome.summary) {
        (void)apps::report("stopped before it measured anything");
        return 0;
    }
    if (outcome.series_left_out != 0)
        (void)apps::report(std::to_string(outcome.series_left_out) + " windows of the series had no room",
                           "give a longer --window");
    const Aftermath after{outcome.interrupted, outcome.failures, outcome.first_failure, outcome.first_refusal,
                          outcome.first_damage};
    report = report_of(*settings, *runtime, std::move(outcome));
    return tell(*settings, *outputs, report, after);
}

}  // namespace skerry::loadgen
