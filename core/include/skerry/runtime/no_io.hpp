#pragma once

#include "../backend/backend.hpp"

#include <memory>

namespace skerry::runtime {

/// A backend without any input or output: tasks, timers and channels only. It sleeps on a futex, needs no
/// descriptor, and is what a program gets that offers nothing to the Builder.
[[nodiscard]] std::unique_ptr<backend::Backend> make_no_io_backend();

}  // namespace skerry::runtime
