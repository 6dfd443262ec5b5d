#include "script_calls.hpp"

#include "arguments.hpp"
#include "constants.hpp"
#include "evaluate.hpp"
#include "stop.hpp"

#include <fcntl.h>

#include <cstring>
#include <string>

namespace skerry::pkt {
namespace {

using syntax::Expression;
using syntax::SystemCall;

/// A descriptor that no machine has given.
constexpr int never_given = 100'000;

std::string text_of(const Returned& result) {
    if (result.value != -1) return std::to_string(result.value);
    return "-1 " + errno_name(result.error) + " (" + std::strerror(result.error) + ")";
}

std::string text_of(std::int64_t value, const std::string& error) {
    return std::to_string(value) + (error.empty() ? "" : " " + error);
}

/// FreeBSD's number for what O_NONBLOCK says, where a script writes it in digits.
std::int64_t flags_of_freebsd(std::int64_t flags) {
    constexpr std::int64_t nonblock = 4;
    return (flags & O_NONBLOCK) != 0 ? (flags & ~std::int64_t{O_NONBLOCK}) | nonblock : flags;
}

bool is_value(const SystemCall& script, const Returned& result, std::int64_t expected, Profile profile) {
    if (result.value == expected) return true;
    const bool is_in_digits = script.result.value.kind == Expression::Kind::integer;
    return profile == Profile::freebsd && script.name == "fcntl" && is_in_digits &&
           flags_of_freebsd(result.value) == expected;
}

/// Whether a call gives a number that the machine may choose: then the script's is a name for it.
bool gives_descriptor(const SystemCall& script) {
    return script.name == "socket" || script.name == "accept" || script.name == "accept4" ||
           script.name == "epoll_create" || script.name == "epoll_create1" || script.name == "dup";
}

}  // namespace

int ScriptCalls::live_fd(const Expression& expression) const {
    const int script = as_int(expression);
    const auto found = live_fds_.find(script);
    if (found != live_fds_.end()) return found->second;
    return script < 0 ? script : never_given + script;
}

void ScriptCalls::note_fd(const SystemCall& script, std::int64_t live) {
    if (live < 0) return;
    const Expression& named = script.result.value;
    if (named.kind == Expression::Kind::integer) live_fds_[static_cast<int>(named.number)] = static_cast<int>(live);
}

void ScriptCalls::forget_fd(const Expression& expression) { live_fds_.erase(as_int(expression)); }

std::optional<net::SocketAddr> ScriptCalls::name_of(int live_fd) {
    const Call call = machine().getsockname(live_fd);
    if (!call.is_done() || call.unsupported() != nullptr || call.value() != 0) return std::nullopt;
    auto name = call.output().address;
    if (name && name->port() == 0) return std::nullopt;
    if (name && name->ip().is_v6()) name = net::SocketAddr(name->ip().unmapped(), name->port());
    const bool is_any = name && (name->ip() == net::IpAddr::v4_any() || name->ip() == net::IpAddr::v6_any());
    return is_any ? net::SocketAddr(config_.local, name->port()) : name;
}

BegunCall ScriptCalls::begin(const SystemCall& script) {
    const BeginCall make = find_call(script.name);
    if (make == nullptr) skip(script.at, "the call " + script.name);
    BegunCall begun = make(*this, script);
    begun.script = &script;
    if (begun.call.is_done())
        if (const Unsupported* const why = begun.call.unsupported()) skip(script.at, why->reason);
    return begun;
}

void ScriptCalls::finish(const BegunCall& begun) {
    const SystemCall& script = *begun.script;
    if (const Unsupported* const why = begun.call.unsupported()) skip(script.at, why->reason);
    const Returned& result = begun.call.returned();
    const Expression& said = script.result.value;
    if (said.kind != Expression::Kind::anything && said.kind != Expression::Kind::unknown) {
        const std::int64_t expected = evaluate_number(said);
        const bool fits = gives_descriptor(script) && expected >= 0
                              ? result.value >= 0
                              : is_value(script, result, expected, config_.profile);
        const std::string& error = script.result.error;
        if (!fits || (!error.empty() && errno_number(error) != result.error))
            fail(script.at, script.name + ": expected " + text_of(expected, error) + ", seen " + text_of(result));
    }
    if (script.result.output) skip(script.result.at, "outputs behind a result");
    if (result.value >= 0 && begun.on_success) begun.on_success(result);
}

}  // namespace skerry::pkt
