#pragma once

// Runs one script against one machine, from its first event to its last.

#include "system.hpp"

#include "../syntax/defines.hpp"

#include <string>
#include <string_view>

namespace skerry::pkt {

enum class Outcome : std::uint8_t {
    passed,
    failed,   ///< something else was seen than the script expects
    skipped,  ///< something is not understood, or not there: nothing is said of the machine
};

struct Verdict {
    Outcome outcome = Outcome::passed;
    /// One line: `FILE:LINE:COLUMN: expected ..., seen ...`; empty when the script passed.
    std::string reason;
    /// The text is no script; skipped as well.
    bool is_no_script = false;
};

/// `file` is the script's name in messages.
[[nodiscard]] Verdict run_script(std::string file, std::string_view text, const syntax::Defines& defines,
                                 Profile profile, const MakeSystem& make_system);

}  // namespace skerry::pkt
