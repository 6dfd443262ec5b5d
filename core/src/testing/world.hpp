#pragma once

// What one testing runtime consists of beside its scheduler. Shared by the backend, which the runtime's
// Builder owns, and testing::Runtime, which looks at it from outside.

#include "network/network_state.hpp"
#include "parking.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/testing/options.hpp>

namespace skerry::testing {

struct World : Pace {
    explicit World(const Options& options, OnStandstill standstill)
        : Pace(options.start, standstill), network(clock, options.seed) {}

    NetworkState network;
    backend::Core* core = nullptr;  ///< set when it is made; a Loop, see driver.hpp
};

}  // namespace skerry::testing
