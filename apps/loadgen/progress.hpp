#pragma once

// The line that shows a person at a terminal that the run goes on. It overwrites itself once a second; a log file
// or a pipe gets nothing of it.

#include "recorder.hpp"

#include "common/number_text.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace skerry::loadgen {

/// Makes the text; writing it, to standard error, is up to the caller.
class Progress {
public:
    /// `terminal`: whether the line's reader is one (isatty).
    Progress(bool terminal, Nanos warm_up, Nanos measured) noexcept
        : terminal_(terminal), warm_up_(warm_up), total_(warm_up + measured) {}

    /// The line for `elapsed` since the start, at most once a second of it and only on a terminal. Rates are those
    /// since the last line.
    [[nodiscard]] std::optional<std::string> line(Nanos elapsed, const Recorder::Totals& totals) {
        constexpr Nanos period = std::chrono::seconds{1};
        if (!terminal_ || elapsed - last_ < period) return std::nullopt;
        std::string text = "\r" + text_for(elapsed, totals) + "\x1b[K";  // clears what a longer line left
        last_ = elapsed;
        last_totals_ = totals;
        shown_ = true;
        return text;
    }

    /// What takes the line away before the report is printed; nothing where no line was shown.
    [[nodiscard]] std::string clear() const { return shown_ ? "\r\x1b[K" : ""; }

private:
    [[nodiscard]] std::string text_for(Nanos elapsed, const Recorder::Totals& totals) const {
        const double since_s = std::chrono::duration<double>(elapsed - last_).count();
        const auto rate = [&](std::uint64_t now, std::uint64_t before) {
            return apps::grouped_text(
                static_cast<unsigned long long>(static_cast<double>(now - before) / since_s + 0.5));
        };
        return seconds_text(elapsed) + " of " + seconds_text(total_) + " s  " + phase(elapsed) + "  sent " +
               rate(totals.sent, last_totals_.sent) + "/s  received " + rate(totals.received, last_totals_.received) +
               "/s  waiting " + apps::grouped_text(waiting(totals)) + "  late " + apps::grouped_text(totals.late) +
               "  errors " + apps::grouped_text(totals.errors);
    }

    [[nodiscard]] static std::string seconds_text(Nanos span) {
        return apps::fixed_text(std::chrono::duration<double>(span).count(), 0);
    }
    [[nodiscard]] const char* phase(Nanos elapsed) const noexcept {
        if (elapsed < warm_up_) return "warm-up";
        return elapsed < total_ ? "measuring" : "waiting for the last answers";
    }
    // Received and sent are read one after the other, so an answer may already count when its request does not.
    [[nodiscard]] static std::uint64_t waiting(const Recorder::Totals& totals) noexcept {
        const auto done = totals.received + totals.errors;
        return totals.sent > done ? totals.sent - done : 0;
    }

    bool terminal_;
    Nanos warm_up_;
    Nanos total_;
    Nanos last_{0};
    Recorder::Totals last_totals_;
    bool shown_ = false;
};

}  // namespace skerry::loadgen
