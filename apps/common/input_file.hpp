#pragma once

// Files that are read whole before anything begins.

#include <skerry/base/result.hpp>

#include <string>

namespace skerry::apps {

/// Why a file cannot be read, in the system's words.
struct Unreadable {
    std::string why;
};

/// All of a file. A folder is refused as one.
[[nodiscard]] Result<std::string, Unreadable> read_input(const std::string& path);

}  // namespace skerry::apps
