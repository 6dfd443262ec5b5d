#pragma once

// What stands in backticks. No command is ever executed: the few kinds that scripts are made of are settings of the
// machine, questions about it, or of no meaning here; every other one makes the script a skip.

#include "system.hpp"

#include "../syntax/script.hpp"

namespace skerry::pkt {

/// Stops:  with a skip: a command that is not known, or that the machine cannot follow; with a failure: a question
/// whose
///         answer is no.
void run_command(const syntax::ShellCommand& command, System& system);

}  // namespace skerry::pkt
