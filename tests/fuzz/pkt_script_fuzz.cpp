// Scripts of packetdrill's language: whatever the bytes, reading ends, with a script or with one line that says why
// not. Both are checked against what their headers promise, and a text is read the same however often.

#include "pkt/syntax/limits.hpp"
#include "pkt/syntax/script.hpp"

#include "fuzz.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

using namespace skerry;
using namespace skerry::pkt::syntax;

namespace {

/// Where a text of so many lines may have a node.
void check_position(Position at, std::size_t lines) {
    fuzz::require(at.line >= 1 && at.line <= lines && at.column >= 1, "a position is within the text");
}

/// The depth of an expression; its parts and operators fit its kind.
std::size_t check_expression(const Expression& one, std::size_t lines) {
    using Kind = Expression::Kind;
    check_position(one.at, lines);
    if (one.kind == Kind::binary || one.kind == Kind::comparison)
        fuzz::require(!one.operators.empty() && one.operators.size() + 1 == one.parts.size(), "operators join parts");
    else
        fuzz::require(one.operators.size() == (one.kind == Kind::unary ? 1U : 0U), "only these have operators");
    if (one.kind == Kind::unary) fuzz::require(one.parts.size() == 1, "a unary operator has one operand");
    if (one.kind == Kind::field) fuzz::require(one.parts.size() == 1 || one.parts.size() == 2, "a field has a value");
    if (one.kind == Kind::name || one.kind == Kind::field) fuzz::require(!one.text.empty(), "a name has a text");
    std::size_t depth = 0;
    for (const Expression& part : one.parts) depth = std::max(depth, check_expression(part, lines));
    return depth + 1;
}

void check_time(const EventTime& time, std::size_t lines) {
    constexpr std::int64_t most = (limits::seconds + 1) * 1'000'000'000;
    check_position(time.at, lines);
    fuzz::require(time.begin_ns >= 0 && time.begin_ns < most, "a time is within its limit");
    for (const std::optional<std::int64_t>& end : {time.until_ns, time.call_end_ns})
        fuzz::require(!end || (*end >= time.begin_ns && *end < most), "an end is not before the beginning");
}

void check_packet(const Packet& packet, std::size_t lines) {
    check_position(packet.at, lines);
    fuzz::require(packet.outer.size() <= limits::outer_headers, "headers have a limit");
    const auto* const tcp = std::get_if<TcpSegment>(&packet.payload);
    if (tcp == nullptr) return;
    fuzz::require(tcp->sequence.begin + tcp->sequence.bytes == tcp->sequence.end, "numbers agree with the length");
    if (tcp->options) fuzz::require(tcp->options->list.size() <= limits::tcp_options, "options have a limit");
}

void check_code(const CodeBlock& block, std::size_t lines) {
    check_position(block.at, lines);
    for (const Statement& one : block.statements) {
        if (const auto* const assertion = std::get_if<Assertion>(&one)) check_expression(assertion->condition, lines);
        if (std::holds_alternative<Unsupported>(one)) fuzz::require(&one == &block.statements.back(), "it is the last");
    }
}

void check_event(const Event& event, std::size_t lines) {
    // Within one pair of brackets each rank of operators may add a level: | ^ & << + *, a structure and its field.
    constexpr std::size_t depth_max = 9 * limits::nesting;
    check_time(event.time, lines);
    if (const auto* const packet = std::get_if<Packet>(&event.action)) check_packet(*packet, lines);
    if (const auto* const code = std::get_if<CodeBlock>(&event.action)) check_code(*code, lines);
    const auto* const call = std::get_if<SystemCall>(&event.action);
    if (call == nullptr) return;
    fuzz::require(!call->name.empty(), "a call has a name");
    for (const Expression& one : call->arguments)
        fuzz::require(check_expression(one, lines) <= depth_max, "expressions are not deep");
    check_expression(call->result.value, lines);
}

std::string summary(const Result<Script, Fault>& script) {
    if (!script) return script.error().text();
    std::string text = std::to_string(script->events.size());
    for (const Unsupported& one : script->unsupported) text += place(script->file, one.at) + one.reason;
    return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    Defines defines;
    for (const std::string_view one : {"D", "V=1|W", "W=V", "C=c00c1e", "N=0x10", "L=[N, {a = \"b\"}]"})
        fuzz::require(defines.add(one).empty(), "these can be defined");
    const Result<Script, Fault> script = parse_script("f", text, defines);
    fuzz::require(summary(parse_script("f", text, defines)) == summary(script), "it is read the same again");
    if (!script) {
        const std::string line = script.error().text();
        fuzz::require(line.find('\n') == std::string::npos, "a fault is one line");
        fuzz::require(!script.error().expected.empty() && !script.error().found.empty(), "a fault says what");
        check_position(script.error().at, lines);
        return 0;
    }
    for (const Event& event : script->events) check_event(event, lines);
    for (const Unsupported& one : script->unsupported) {
        check_position(one.at, lines);
        fuzz::require(!one.reason.empty(), "a reason says something");
    }
    return 0;
}
