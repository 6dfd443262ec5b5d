#pragma once

// What can be wrong with a script, in two kinds that must never be mixed up. An *error* is text that is no script: a
// usage error of whoever wrote it. Something *unsupported* belongs to the language as other interpreters know it, and
// is not understood here: the script is skipped with that reason, since to guess would be to judge by a guess.

#include "position.hpp"

#include <string>
#include <string_view>

namespace skerry::pkt::syntax {

/// A place in a script and what is not understood there, in a few words: `MPTCP option "dss"`.
struct Unsupported {
    Position at;
    std::string reason;
};

/// Why a text is no script.
struct Fault {
    std::string file;
    Position at;
    std::string expected;
    std::string found;

    /// One line: `FILE:LINE:COLUMN: expected X, found Y`.
    [[nodiscard]] std::string text() const;
};

/// `FILE:LINE:COLUMN`.
[[nodiscard]] std::string place(std::string_view file, Position at);

}  // namespace skerry::pkt::syntax
