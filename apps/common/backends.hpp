#pragma once

// What the programs that use sockets run on.

#include <skerry/runtime/builder.hpp>

#include <string>
#include <vector>

namespace skerry::apps {

/// The drivers of this build, as --backend names them, in the order of the ladder.
[[nodiscard]] std::vector<std::string> backend_names();

/// A Builder that is offered every backend of this build, in the order of the ladder.
[[nodiscard]] runtime::Builder builder_for_sockets(const runtime::Config& config);

}  // namespace skerry::apps
