#include "assertions.hpp"

#include "constants.hpp"
#include "stop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace skerry::pkt {

using namespace syntax;

std::optional<Value> Assertions::field_of_info(std::string_view name, const CodeBlock& block) {
    if (!name.starts_with("tcpi_")) return std::nullopt;
    const Flow* const flow = flows_.current();
    if (flow == nullptr || !flow->live_fd) skip(block.at, "TCP_INFO of a connection that no socket has");
    const Call call = system_.calls().getsockopt(*flow->live_fd, IPPROTO_TCP, TCP_INFO);
    if (!call.is_done()) skip(block.at, "TCP_INFO waits");
    if (const pkt::Unsupported* const why = call.unsupported()) skip(block.at, why->reason);
    const auto* const info = std::get_if<TcpInfoFields>(&call.output().option);
    if (call.value() != 0 || info == nullptr) fail(block.at, "TCP_INFO: seen " + errno_name(call.error()));
    const auto value = info->find(name);
    if (!value) skip(block.at, std::string(name) + ": the stack has no such field");
    return Value{*value};
}

std::optional<Value> Assertions::look_up(std::string_view name, const CodeBlock& block) {
    if (const auto found = assigned_.find(name); found != assigned_.end()) return found->second;
    if (name == "True") return Value{std::int64_t{1}};
    if (name == "False") return Value{std::int64_t{0}};
    if (name == "None") return Value{};
    if (auto value = field_of_info(name, block)) return value;
    if (const auto number = constant(name)) return Value{*number};
    return std::nullopt;
}

void Assertions::run(const CodeBlock& block) {
    const Lookup lookup = [&](std::string_view name) { return look_up(name, block); };
    for (const Statement& statement : block.statements) {
        if (const auto* const set = std::get_if<Assignment>(&statement)) {
            assigned_[set->name] = evaluate(set->value, lookup);
        } else if (const auto* const assertion = std::get_if<Assertion>(&statement)) {
            if (is_true(evaluate(assertion->condition, lookup))) continue;
            const auto& message = assertion->message;
            fail(assertion->at, "the assertion does not hold" +
                                    (message.empty() ? std::string() : ": " + to_text(evaluate(message[0], lookup))));
        } else if (const auto* const unknown = std::get_if<syntax::Unsupported>(&statement)) {
            skip(unknown->at, unknown->reason);
        }
    }
}

}  // namespace skerry::pkt
