// skerry-pkt: runs scripts of packetdrill's language against our stack. See README.md beside this file.

#include "command_line.hpp"

#include "../common/input_file.hpp"
#include "../common/process.hpp"
#include "../common/report.hpp"
#include "kernel/kernel_system.hpp"
#include "run/run_script.hpp"
#include "run/settings_file.hpp"
#include "run/stack_system.hpp"

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace skerry::pkt;

std::string refusal(const std::string& file, const skerry::apps::Unreadable& refused) {
    return file + ": cannot be read: " + refused.why;
}

const char* word_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::passed: return "PASS";
        case Outcome::failed: return "FAIL";
        case Outcome::skipped: break;
    }
    return "SKIP";
}

/// How often there was which verdict.
struct Counts {
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    bool has_no_script = false;

    void add(const Verdict& verdict) {
        passed += verdict.outcome == Outcome::passed ? 1 : 0;
        failed += verdict.outcome == Outcome::failed ? 1 : 0;
        skipped += verdict.outcome == Outcome::skipped ? 1 : 0;
        has_no_script |= verdict.is_no_script;
    }
    [[nodiscard]] std::string text() const {
        return std::to_string(passed) + " passed, " + std::to_string(failed) + " failed, " + std::to_string(skipped) +
               " skipped\n";
    }
    [[nodiscard]] int exit_code() const {
        if (has_no_script) return 2;
        return failed != 0 ? 1 : 0;
    }
};

/// Errors: what is wrong with the file of settings.
skerry::Result<MakeSystem, std::string> machines_of(const CommandLine& line) {
    const MakeSystem make = line.asks_kernel ? make_kernel_system : make_stack_system;
    if (line.settings.empty()) return make;
    const auto text = skerry::apps::read_input(line.settings);
    if (!text) return skerry::Unexpected(refusal(line.settings, text.error()));
    auto settings = read_settings(*text);
    if (!settings) return skerry::Unexpected(line.settings + ":" + std::to_string(settings.error()) + ": no setting");
    return with_settings(make, *std::move(settings));
}

struct Script {
    std::string file;
    std::string text;
};

/// All are read before the first one runs. Errors: which one cannot be.
skerry::Result<std::vector<Script>, std::string> read_scripts(const CommandLine& line) {
    std::vector<Script> scripts;
    for (const std::string& file : line.files) {
        auto text = skerry::apps::read_input(file);
        if (!text) return skerry::Unexpected(refusal(file, text.error()));
        scripts.push_back({file, *std::move(text)});
    }
    return scripts;
}

}  // namespace

int main(int argc, char** argv) {
    skerry::apps::prepare_process();
    const auto line = read_command_line(argc, argv);
    if (!line) return skerry::apps::finish(line.error());
    const auto make = machines_of(*line);
    if (!make) return skerry::apps::report(make.error(), {}, skerry::apps::exit_usage);
    const auto scripts = read_scripts(*line);
    if (!scripts) return skerry::apps::report(scripts.error(), {}, skerry::apps::exit_usage);
    Counts counts;
    for (const auto& [file, text] : *scripts) {
        const Verdict verdict = run_script(file, text, line->defines, line->profile, *make);
        counts.add(verdict);
        const std::string reason = verdict.reason.empty() ? "" : ": " + verdict.reason;
        const int printed = skerry::apps::print(word_of(verdict.outcome) + (" " + file) + reason + "\n");
        if (printed != 0) return printed;
    }
    if (const int printed = skerry::apps::print(counts.text()); printed != 0) return printed;
    return counts.exit_code();
}
