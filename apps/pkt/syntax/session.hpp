#pragma once

// What the readers of one script share: its name, the names that are defined, what was found and is not understood, and
// how much of the limits is used up.

#include "defines.hpp"
#include "fault.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace skerry::pkt::syntax {

struct Session {
    std::string file;
    Defines defines;
    /// By place: a reader that returns to a mark passes some of them twice.
    std::map<Position, std::string> unsupported;
    std::size_t nodes = 0;
    std::size_t nesting = 0;
    std::size_t substitutions = 0;

    void note(Unsupported what) { unsupported.try_emplace(what.at, std::move(what.reason)); }
};

}  // namespace skerry::pkt::syntax
