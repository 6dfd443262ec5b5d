#pragma once

#include "options.hpp"

#include "../backend/backend.hpp"

#include <memory>

namespace skerry::testing {

/// The third backend: one host on virtual time with our own TCP/IP stack, driver name `testing`. For programs that
/// make their runtime with runtime::Builder; tests of one program use testing::Runtime, tests of several that talk to
/// each other testing::Simulation.
///
/// The host has the address 198.18.0.1 and nobody to talk to but itself. One runtime, of the flavour current_thread.
/// When nothing can ever wake a task any more, the process is aborted with a list of the tasks that wait, unless
/// Options::woken_from_outside.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend(const Options& options = {});

/// The same over the network that testing::Runtime has, which has every address and is made of streams, not of packets.
[[nodiscard]] std::unique_ptr<backend::Backend> make_memory_backend(const Options& options = {});

}  // namespace skerry::testing
