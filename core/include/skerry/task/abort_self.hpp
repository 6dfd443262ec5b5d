#pragma once

#include "scheduler.hpp"

#include <coroutine>

namespace skerry::task {

/// Ends the running task as if its handle had been told abort(): never resumes.
struct AbortSelf {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {
        Scheduler::request_abort(*current_scheduler->current_task());
    }
    void await_resume() const noexcept {}
};

/// For operations whose service has shut down under them: their task is about to be aborted anyway.
[[nodiscard]] inline AbortSelf abort_self() noexcept { return {}; }

}  // namespace skerry::task
