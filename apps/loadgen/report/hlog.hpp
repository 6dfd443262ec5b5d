#pragma once

// A run as an HdrHistogram log, which the tools of that family draw and take apart: a line for each interval with the
// histogram of its response times, and one with the tag `service` for its service times. Values are nanoseconds, the
// longest of a line stands beside it in milliseconds.
//
// Source: HdrHistogram's HistogramLogWriter, log format version 1.3.

#include "report.hpp"

#include <string>

namespace skerry::loadgen {

/// Shape: the run has kept intervals; without them the log is a header.
[[nodiscard]] std::string hlog_text(const Report& report);

}  // namespace skerry::loadgen
