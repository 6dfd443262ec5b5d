#pragma once

// One core on DPDK, without a huge page or a pinned thread. The test fails where it cannot be had.

#include "support/catch.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <string>
#include <utility>

namespace skerry::tests {

/// `devices` as in --dpdk; raw frames without `ip`, sockets with it.
inline runtime::Runtime dpdk_runtime(const std::string& devices, const std::string& ip = {}) {
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = devices + ";hugepages=off;memory=128;mbufs=2047";
    config.ip = ip;
    config.pin = false;
    config.cores = topology::available_cpus().value().lowest(1);
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

}  // namespace skerry::tests
