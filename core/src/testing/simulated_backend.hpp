#pragma once

#include "world.hpp"

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::testing {

/// The backend over a world that its maker keeps a hand on.
[[nodiscard]] std::unique_ptr<backend::Backend> make_simulated_backend(std::shared_ptr<World> world);

}  // namespace skerry::testing
