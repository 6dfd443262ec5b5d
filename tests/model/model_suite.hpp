#pragma once

// The main() of a model program: names what must hold and what must be found, prints one line each.

#include "model.hpp"

#include <chrono>
#include <cstdio>
#include <string>

namespace skerry::model {

class Suite {
public:
    /// The model must hold in every schedule within the options' bounds; an exploration cut short is red.
    template <class F>
    void expect_pass(const char* name, const Options& options, F&& body) {
        const auto begin = std::chrono::steady_clock::now();
        const Report report = check(name, options, body);
        verdict(report, report.complete, "", begin);
    }

    /// The model is broken on purpose: a failure whose message contains `text` must be found.
    template <class F>
    void expect_failure(const char* name, Options options, const std::string& text, F&& body) {
        options.quiet = true;
        const auto begin = std::chrono::steady_clock::now();
        const Report report = check(name, options, body);
        const bool found = report.message.find(text) != std::string::npos;
        verdict(report, (report.failed || report.cut != 0) && found, text, begin);
    }

    /// What main() returns.
    [[nodiscard]] int exit_code() const noexcept { return failures_ == 0 ? 0 : 1; }

private:
    void verdict(const Report& report, bool good, const std::string& wanted,
                 std::chrono::steady_clock::time_point begin) {
        if (report.skipped) return;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        std::printf("%s  %-52s %9llu schedules  %4llu steps  %3llu deep  %6.2f s\n", good ? "ok    " : "FAILED",
                    report.name.c_str(), static_cast<unsigned long long>(report.schedules),
                    static_cast<unsigned long long>(report.steps_max),
                    static_cast<unsigned long long>(report.depth_max), took.count());
        if (!wanted.empty()) {
            std::printf("          %s%s\n",
                        good ? "found as planned: " : "not found: ", good ? report.message.c_str() : wanted.c_str());
        }
        if (report.let_on != 0)
            std::printf("          took a bounded loop for spinning, orders are missed: say progress() in it\n");
        if (!good) {
            ++failures_;
            if (!wanted.empty() && !report.message.empty()) std::printf("          but: %s\n", report.message.c_str());
        }
    }

    int failures_ = 0;
};

}  // namespace skerry::model
