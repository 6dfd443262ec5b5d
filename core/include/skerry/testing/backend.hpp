#pragma once

#include "options.hpp"

#include "../backend/backend.hpp"

#include <memory>

namespace skerry::testing {

/// The third backend: virtual time and a network in memory, one thread, driver name `testing`. For programs
/// that make their runtime with runtime::Builder; tests use testing::Runtime, which is made of it.
///
/// One runtime, of the flavour current_thread. When nothing can ever wake a task any more, the process is
/// aborted with a list of the tasks that wait, unless Options::woken_from_outside.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend(const Options& options = {});

}  // namespace skerry::testing
