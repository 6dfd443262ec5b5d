#pragma once

// Socket calls of a script: made of the machine, with the script's arguments as values, and held against the result
// that the script says. Which call has which arguments is in call_table.cpp.

#include "flow.hpp"
#include "run_config.hpp"
#include "system.hpp"

#include "../syntax/calls.hpp"

#include <functional>
#include <map>

namespace skerry::pkt {

/// A call that was begun.
struct BegunCall {
    Call call;
    const syntax::SystemCall* script = nullptr;
    /// Looks at what a call that did not fail wrote into its arguments, and notes what it means for the flows.
    std::function<void(const Returned&)> on_success;
};

/// Lifetime: its arguments outlive it.
class ScriptCalls {
public:
    ScriptCalls(System& system, Flows& flows, const RunConfig& config)
        : system_(system), flows_(flows), config_(config) {}

    /// Stops:  with a skip: a call, a constant or an argument that is not known, and what the machine cannot do.
    [[nodiscard]] BegunCall begin(const syntax::SystemCall& script);
    /// It has ended.
    ///
    /// Stops:  with a failure when it gave something else than the script says.
    void finish(const BegunCall& begun);

    // --- for the calls of call_table.cpp

    [[nodiscard]] SocketCalls& machine() { return system_.calls(); }
    [[nodiscard]] Flows& flows() { return flows_; }
    [[nodiscard]] const RunConfig& config() const { return config_; }
    /// The machine's descriptor for a script's. One that the script never got is one that the machine never gave.
    [[nodiscard]] int live_fd(const syntax::Expression& expression) const;
    void note_fd(const syntax::SystemCall& script, std::int64_t live);
    void forget_fd(const syntax::Expression& expression);
    /// The machine's own name of a socket; nothing before it has one.
    [[nodiscard]] std::optional<net::SocketAddr> name_of(int live_fd);

private:
    System& system_;
    Flows& flows_;
    const RunConfig& config_;
    std::map<int, int> live_fds_;  // by the script's
};

/// Begins a call of the table.
using BeginCall = BegunCall (*)(ScriptCalls&, const syntax::SystemCall&);
/// Null for a call that is not known.
[[nodiscard]] BeginCall find_call(std::string_view name);

}  // namespace skerry::pkt
