#pragma once

// The cores that the generator takes.

#include "common/backends.hpp"

#include <skerry/runtime/builder.hpp>

namespace skerry::loadgen {

/// Without --cores one core, the last there is: a server that starts on the first is not disturbed.
[[nodiscard]] inline Result<runtime::CorePlan, runtime::ConfigError> choose_cores(runtime::Config& config) {
    auto plan = runtime::resolve_cores(config);
    if (!plan || config.cores) return plan;
    const unsigned last = plan->cores.back().cpu;
    config.cores = topology::CpuSet::range(last, last + 1);
    return runtime::resolve_cores(config);
}

}  // namespace skerry::loadgen
