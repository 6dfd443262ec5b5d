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

/// Files whose text is made when it is known; that they can be written is seen before the first run.
class Outputs {
public:
    /// A name, and who makes the text. Files without a name are left out.
    using Wanted = std::vector<std::pair<std::string, std::function<std::string()>>>;

    /// `inputs`: files that are read, which the command must not destroy.
    ///
    /// Errors: a Stop: a usage error when two names are those of one file, exit_failure for the first file that cannot
    ///         be written.
    [[nodiscard]] static Result<Outputs, apps::Stop> open(const Wanted& wanted,
                                                          const std::vector<std::string>& inputs = {});

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
