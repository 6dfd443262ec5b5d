#pragma once

// What the programs that use sockets run on.

#include <skerry/runtime/builder.hpp>

namespace skerry::apps {

/// A Builder that is offered every backend of this build, in the order of the ladder.
[[nodiscard]] runtime::Builder builder_for_sockets(const runtime::Config& config);

}  // namespace skerry::apps
