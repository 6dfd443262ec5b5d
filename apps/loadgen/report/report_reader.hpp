#pragma once

// Reports read back from the JSON that an earlier run wrote.

#include "report.hpp"

#include <skerry/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

/// Why a text is no report, in one line without the file's name.
struct ReadError {
    std::string message;
};

/// The runs of a JSON text: one object, a list of them, or an object whose `runs` is such a list.
///
/// The histograms are the sums of the intervals, so their longest value is rounded to its counter.
///
/// Errors: no JSON, another schema version, a field that is missing, of another kind or of a value that no run has, a
///         damaged histogram, no run.
[[nodiscard]] Result<std::vector<Report>, ReadError> read_reports(std::string_view text);

/// The same of a file; the message then begins with its name.
[[nodiscard]] Result<std::vector<Report>, ReadError> read_report_file(const std::string& path);

}  // namespace skerry::loadgen
