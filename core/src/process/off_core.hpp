#pragma once

// What a core's thread is and its children are not to be.

#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/runtime/runtime_state.hpp>
#include <skerry/topology/bind_thread.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <sys/prctl.h>

namespace skerry::process {

/// While it lives, what this thread starts is not bound to the core's CPU and sleeps as others do.
class OffCore {
public:
    OffCore() : slack_ns_(::prctl(PR_GET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL)) {
        ::prctl(PR_SET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL);  // the one that the thread began with
        const topology::CpuSet& everywhere = runtime::current_runtime().blocking->cpus();
        const auto own = topology::current_affinity();
        if (!own || everywhere.empty() || *own == everywhere) return;
        if (topology::bind_current_thread(everywhere)) own_ = *own;
    }
    OffCore(const OffCore&) = delete;
    OffCore& operator=(const OffCore&) = delete;
    ~OffCore() {
        if (!own_.empty()) (void)topology::bind_current_thread(own_);
        ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_ns_), 0UL, 0UL, 0UL);
    }

private:
    int slack_ns_;
    topology::CpuSet own_;  // empty: the thread stayed where it was
};

}  // namespace skerry::process
