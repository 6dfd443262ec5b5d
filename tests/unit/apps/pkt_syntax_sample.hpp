#pragma once

// What the tests of apps/pkt/syntax share: reading a script that must be one, and saying why a text is none.

#include "pkt/syntax/script.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace skerry::pkt_syntax_sample {

using namespace pkt::syntax;

inline Script read(std::string_view text, const Defines& defines = {}) {
    Result<Script, Fault> script = parse_script("a.pkt", text, defines);
    INFO(text);
    if (!script) FAIL(script.error().text());
    return std::move(*script);
}

/// Why a text is no script, in one line.
inline std::string refusal(std::string_view text, const Defines& defines = {}) {
    const Result<Script, Fault> script = parse_script("a.pkt", text, defines);
    INFO(text);
    REQUIRE_FALSE(script.has_value());
    return script.error().text();
}

/// The one event of a script that is understood.
inline Event event(std::string_view text, const Defines& defines = {}) {
    Script script = read(text, defines);
    REQUIRE(script.unsupported.empty());
    REQUIRE(script.events.size() == 1);
    return std::move(script.events.front());
}

template <class T>
T action(std::string_view text, const Defines& defines = {}) {
    Event one = event(text, defines);
    INFO(text);
    REQUIRE(std::holds_alternative<T>(one.action));
    return std::get<T>(std::move(one.action));
}

/// A packet without its time: `packet("< S 0:0(0)")`.
inline Packet packet(std::string_view text, const Defines& defines = {}) {
    return action<Packet>("0 " + std::string(text), defines);
}

inline TcpSegment tcp(std::string_view text, const Defines& defines = {}) {
    Packet one = packet(text, defines);
    REQUIRE(std::holds_alternative<TcpSegment>(one.payload));
    return std::get<TcpSegment>(std::move(one.payload));
}

inline IcmpMessage icmp(std::string_view text) {
    Packet one = packet(text);
    REQUIRE(std::holds_alternative<IcmpMessage>(one.payload));
    return std::get<IcmpMessage>(std::move(one.payload));
}

inline SystemCall call(std::string_view text, const Defines& defines = {}) {
    return action<SystemCall>("0 " + std::string(text), defines);
}

/// The only argument of a call: `argument("[1, 2]")`.
inline Expression argument(std::string_view text, const Defines& defines = {}) {
    SystemCall one = call("f(" + std::string(text) + ") = 0", defines);
    REQUIRE(one.arguments.size() == 1);
    return std::move(one.arguments.front());
}

/// An expression as a text in which brackets show the tree.
inline std::string shape(const Expression& one) {
    using Kind = Expression::Kind;
    std::string text;
    const auto join = [&](std::string_view open, std::string_view close) {
        text += open;
        for (std::size_t i = 0; i < one.parts.size(); ++i) text += (i == 0 ? "" : ", ") + shape(one.parts[i]);
        text += close;
    };
    switch (one.kind) {
        case Kind::anything: return "...";
        case Kind::unknown: return "?";
        case Kind::integer: return std::to_string(one.number);
        case Kind::string: return '"' + one.text + '"';
        case Kind::name: return one.text;
        case Kind::list: join("[", "]"); return text;
        case Kind::tuple: join("tuple(", ")"); return text;
        case Kind::structure: join("{", "}"); return text;
        case Kind::field: join(one.text + " = <", ">"); return text;
        case Kind::call: join(one.text + "(", ")"); return text;
        case Kind::unary: return "(" + std::string(to_string(one.operators.front())) + " " + shape(one.parts[0]) + ")";
        case Kind::binary:
        case Kind::comparison: break;
    }
    REQUIRE(one.operators.size() + 1 == one.parts.size());
    text = "(" + shape(one.parts.front());
    for (std::size_t i = 0; i < one.operators.size(); ++i)
        text += " " + std::string(to_string(one.operators[i])) + " " + shape(one.parts[i + 1]);
    return text + ")";
}

}  // namespace skerry::pkt_syntax_sample
