#pragma once

// The kernel's sockets as they can be had, for tests that run on each of them: epoll, and io_uring with both kinds of
// ring, that of a core with a thread of its own and that of one without.

#include "support/catch.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace skerry::tests {

struct KernelDriver {
    std::string name;  ///< as --backend takes it
    runtime::Flavour flavour = runtime::Flavour::current_thread;
};

/// One core.
inline Result<runtime::Runtime, backend::SetupError> make_on(const KernelDriver& driver) {
    runtime::Config config;
    config.flavour = driver.flavour;
    config.cores = topology::available_cpus().value().lowest(1);
    config.pin = false;
    config.backend = driver.name;
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

/// Those that can run here; epoll always can.
inline const std::vector<KernelDriver>& kernel_drivers() {
    static const std::vector<KernelDriver> found = [] {
        std::vector<KernelDriver> drivers{{"epoll"}};
        for (const auto flavour : {runtime::Flavour::current_thread, runtime::Flavour::per_core}) {
            const KernelDriver driver{"io_uring", flavour};
            if (auto runtime = make_on(driver))
                drivers.push_back(driver);
            else
                WARN("without io_uring: " << runtime.error().message);
        }
        return drivers;
    }();
    return found;
}

/// Runs `body` as a task on each of them: the test case is run once for each.
template <class F>
void on_each_driver(F body) {
    const KernelDriver driver = GENERATE(from_range(kernel_drivers()));
    CAPTURE(driver.name, driver.flavour == runtime::Flavour::per_core);
    auto runtime = make_on(driver);
    if (!runtime) FAIL(runtime.error().message);
    runtime->block_on(body());
}

}  // namespace skerry::tests
