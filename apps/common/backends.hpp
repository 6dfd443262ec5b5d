#pragma once

// What the programs that use sockets run on.

#include <skerry/runtime/builder.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace skerry::apps {

/// The drivers of this build, as --backend names them, in the order of the ladder.
[[nodiscard]] std::vector<std::string> backend_names();

/// Which of the options for our own stack do not count where `auto` has taken `driver`, and why; empty: all do, or
/// there are none. Not refused, so that the same command runs where there is no device for our stack.
[[nodiscard]] std::string unused_network(const runtime::Config& config, std::string_view driver);

/// Notes that, if there is something to say.
void note_unused_network(const runtime::Config& config, const runtime::Runtime& runtime);

/// A Builder that is offered every backend of this build, in the order of the ladder.
[[nodiscard]] runtime::Builder builder_for_sockets(const runtime::Config& config);

}  // namespace skerry::apps
