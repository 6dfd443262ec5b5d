#pragma once

// As many threads as calls wait at once, and one more. A script's next event is not held up by a call that waits; it is
// by one that only takes a moment, because most scripts say of it that it returns at once.

#include "bell.hpp"
#include "call_thread.hpp"
#include "network_namespace.hpp"

#include "../host/call.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace skerry::pkt::kernel {

/// Lifetime: the namespace and the bell outlive it.
/// Threads:  one, besides its own.
class CallThreads {
public:
    CallThreads(const NetworkNamespace& home, Bell& bell) : home_(home), bell_(bell) {}

    /// What is to be done with a call's answer before the script sees it, on the script's thread.
    using OnReturn = std::function<void(const Returned&)>;

    /// Makes the call and comes back when it has returned or waits.
    ///
    /// Errors: in the call, unsupported: more than 64 calls wait.
    /// Cost:   some 20 us for a call that returns, some 0.5 ms for one that waits; where it cannot be seen that a call
    ///         waits, 20 ms.
    [[nodiscard]] Call run(Work work, OnReturn on_return = nullptr);
    /// Calls that have returned meanwhile are done from now on.
    void collect();
    /// Those that wait are interrupted and done; none can be made after that.
    void stop();

private:
    struct Pending {
        std::shared_ptr<Call::State> state;
        CallThread* thread = nullptr;
        OnReturn on_return;
    };

    [[nodiscard]] CallThread* free_thread();
    void wait_for(const CallThread& thread);
    [[nodiscard]] static bool finish(Pending& pending);

    const NetworkNamespace& home_;
    Bell& bell_;
    std::vector<std::unique_ptr<CallThread>> threads_;
    std::vector<Pending> pending_;
};

}  // namespace skerry::pkt::kernel
