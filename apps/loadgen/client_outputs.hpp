#pragma once

// The files that a command of skerry-loadgen writes when it is done.

#include "client_conduct.hpp"
#include "client_settings.hpp"
#include "report/report.hpp"

#include "common/output_file.hpp"

#include <skerry/base/result.hpp>
#include <skerry/runtime/runtime.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::loadgen {

/// Puts what was asked for and what came out together.
[[nodiscard]] Report report_of(const Settings& settings, const runtime::Runtime& runtime, Outcome&& outcome);

/// Files whose text is made when it is known; all are opened before the first run.
class Outputs {
public:
    /// A name, and who makes the text. Files without a name are left out.
    using Wanted = std::vector<std::pair<std::string, std::function<std::string()>>>;

    /// Errors: the first file that cannot be opened.
    [[nodiscard]] static Result<Outputs, apps::FileError> open(const Wanted& wanted);

    /// Writes all; 0, or exit_failure after a line for each that could not be written.
    [[nodiscard]] int write();

private:
    struct File {
        apps::OutputFile file;
        std::function<std::string()> text;
    };
    std::vector<File> files_;
};

}  // namespace skerry::loadgen
