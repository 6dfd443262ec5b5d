#pragma once

// A file of settings that a machine has before a script begins, as sysctl.conf writes them: `name = value`, a line
// each.
// `#` begins a comment.

#include "system.hpp"

#include <skerry/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt {

struct Setting {
    std::string name;
    std::string value;
};

/// Errors: the number of the line that is none.
[[nodiscard]] Result<std::vector<Setting>, std::size_t> read_settings(std::string_view text);

/// What `make` makes, set so.
///
/// Errors: a reason besides those of `make`: the machine does not take one of them.
[[nodiscard]] MakeSystem with_settings(MakeSystem make, std::vector<Setting> settings);

}  // namespace skerry::pkt
