#pragma once

#include <skerry/backend/backend.hpp>

#include <memory>

namespace skerry::dpdk {

/// DPDK's ports, polled. Driver: `dpdk`, which takes its devices from the configuration's `dpdk` text
/// (dpdk/options.hpp has its grammar) and gives each core one queue pair of every port. Tasks reach their frames by
/// dpdk/native.hpp; there is no TCP/IP stack on it yet, so net:: answers unsupported.
///
/// Threads: any.
[[nodiscard]] std::unique_ptr<backend::Backend> make_backend();

}  // namespace skerry::dpdk
