#pragma once

// Builder: from a configuration and the backends a program offers to a running runtime.

#include "config.hpp"
#include "runtime.hpp"

#include "../backend/backend.hpp"
#include "../base/result.hpp"
#include "../task/scheduler.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace skerry::runtime {

/// Makes a runtime:
///
///     auto runtime = Builder(config).offer(kernel_io::make_backend()).build();
///
/// With `backend = "auto"` the offered drivers are tried in the order of the offers, and the first that can
/// run here is taken, or the next one if not all its cores can be made; a line for each rung says why. A named
/// driver is taken or the build fails.
class Builder {
public:
    Builder() = default;
    explicit Builder(Config config) : config_(std::move(config)) {}

    Builder& offer(std::unique_ptr<backend::Backend> backend) &;
    Builder&& offer(std::unique_ptr<backend::Backend> backend) && { return std::move(offer(std::move(backend))); }

    /// Calls around every task; see TaskHooks. They run on the task's core and must not throw.
    Builder& hooks(task::TaskHooks hooks) &;
    Builder&& hooks(task::TaskHooks h) && { return std::move(hooks(std::move(h))); }

    /// Gets one line for each decision: the ladder's rungs, the choice of cores. Default: nobody hears them.
    Builder& on_log(std::function<void(std::string_view)> log) &;
    Builder&& on_log(std::function<void(std::string_view)> l) && { return std::move(on_log(std::move(l))); }

    /// Starts the cores' threads (flavour per_core) and returns when each has its driver.
    ///
    /// Errors: SetupError with one line that names the next step: no offered driver can run, the named one
    ///         cannot, the cores cannot be had, no thread or descriptor is left.
    [[nodiscard]] Result<Runtime, backend::SetupError> build() &&;

private:
    Config config_;
    std::vector<std::unique_ptr<backend::Backend>> backends_;
    task::TaskHooks hooks_;
    std::function<void(std::string_view)> log_;
};

}  // namespace skerry::runtime
