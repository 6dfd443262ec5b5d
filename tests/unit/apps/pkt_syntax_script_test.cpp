#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

Defines defined(std::string_view name) {
    Defines defines;
    REQUIRE(defines.add(name).empty());
    return defines;
}

/// The names of the calls of a script, in their order.
std::string calls_of(std::string_view text, const Defines& defines = {}) {
    std::string names;
    for (const Event& one : read(text, defines).events) names += std::get<SystemCall>(one.action).name;
    return names;
}

TEST_CASE("a script is options, commands, events and commands for the end", "[apps][pkt][syntax]") {
    const Script script = read(
        "// What it is for.\n"
        "--ip_version=ipv4\n"
        "--tolerance_usecs=10000 --dry_run   // both on a line\n"
        "`one\ntwo`\n"
        "--mtu=9000\n"
        "  0.00 `sysctl -w a=1`\n"
        "+0 < S 0:0(0) win 1\n"
        "+0 %{ assert a }%\n"
        "+0 close(3) = 0\n"
        "`last`\n`very last`");
    CHECK(script.file == "a.pkt");
    CHECK(script.unsupported.empty());
    REQUIRE(script.options.size() == 4);
    CHECK(script.options[0].name == "ip_version");
    CHECK(script.options[0].value == "ipv4");
    CHECK(script.options[0].at == Position{2, 1});
    CHECK(script.options[2].name == "dry_run");
    CHECK_FALSE(script.options[2].value);
    CHECK(script.options[2].at == Position{3, 25});
    REQUIRE(script.init.size() == 1);
    CHECK(script.init[0].text == "one\ntwo");
    CHECK(script.init[0].at == Position{4, 1});
    REQUIRE(script.events.size() == 4);
    CHECK(std::get<ShellCommand>(script.events[0].action).text == "sysctl -w a=1");
    CHECK(std::holds_alternative<Packet>(script.events[1].action));
    CHECK(std::holds_alternative<CodeBlock>(script.events[2].action));
    CHECK(std::holds_alternative<SystemCall>(script.events[3].action));
    REQUIRE(script.cleanup.size() == 2);
    CHECK(script.cleanup[1].text == "very last");
}

TEST_CASE("an empty script is one", "[apps][pkt][syntax]") {
    CHECK(read("").events.empty());
    CHECK(read("\n // nothing\n").events.empty());
    CHECK(read("--a=b").options.size() == 1);
}

TEST_CASE("the value of an option ends at a blank or with its quotes", "[apps][pkt][syntax]") {
    const Script script = read("--a=1,2:x/y --b= --c=\"d e\"\n");
    REQUIRE(script.options.size() == 3);
    CHECK(script.options[0].value == "1,2:x/y");
    CHECK(script.options[1].value == "");
    CHECK(script.options[2].value == "d e");
    CHECK(refusal("--c=\"d\n") == "a.pkt:1:7: expected the quotes that end this value, found the end of the line");
    CHECK(refusal("--=3") == "a.pkt:1:3: expected the name of an option, found '='");
    CHECK(refusal("--a:3") == "a.pkt:1:4: expected '=' or a blank after the name of an option, found ':'");
}

TEST_CASE("options stand before the first event", "[apps][pkt][syntax]") {
    CHECK(refusal("0 close(3) = 0\n--a=b\n") == "a.pkt:2:1: expected options before the first event, found '-'");
}

TEST_CASE("a command without a time is for the end alone", "[apps][pkt][syntax]") {
    CHECK(refusal("0 close(3) = 0\n`a`\n+0 close(4) = 0\n") ==
          "a.pkt:3:1: expected nothing after a command without a time, found '+'");
}

TEST_CASE("an event without a time is an error", "[apps][pkt][syntax]") {
    CHECK(refusal("0 close(3) = 0\nclose(4) = 0\n") == "a.pkt:2:1: expected the time of an event, found \"close\"");
    CHECK(refusal("close(4) = 0\n") ==
          "a.pkt:1:1: expected an option, a command or the time of an event, found \"close\"");
    CHECK(refusal("< S 0:0(0)\n").find("found '<'") != std::string::npos);
}

TEST_CASE("a time without an event is an error", "[apps][pkt][syntax]") {
    constexpr std::string_view expected = "expected a packet, a call, a command in backticks or code in %{ }%, found ";
    CHECK(refusal("+0") == "a.pkt:1:3: " + std::string(expected) + "the end");
    CHECK(refusal("+0 = 3") == "a.pkt:1:4: " + std::string(expected) + "'='");
    CHECK(refusal("+0 \xc3") == "a.pkt:1:4: " + std::string(expected) + "the byte 0xc3");
}

TEST_CASE("a command in backticks ends with one", "[apps][pkt][syntax]") {
    CHECK(refusal("`a\nb\n") == "a.pkt:1:1: expected '`' after this '`', found the end");
    CHECK(refusal("0 close(3) = 0\n+0 `a\n").find("a.pkt:2:4: expected '`'") == 0);
}

TEST_CASE("comments are blanks", "[apps][pkt][syntax]") {
    CHECK(calls_of("# a\n0 /* b\n c */ a( // d\n ) = 0 # e\n# if f\n+0 b() = 0") == "ab");
    CHECK(refusal("0 a() = 0 /* open\n") == "a.pkt:1:11: expected '*/' after this '/*', found the end");
}

TEST_CASE("a comment in a command or in code is part of it", "[apps][pkt][syntax]") {
    const Script script = read("`# a /* b\n#ifdef X\n`\n");
    CHECK(script.init[0].text == "# a /* b\n#ifdef X\n");
}

TEST_CASE("#ifdef keeps what a name is defined for", "[apps][pkt][syntax]") {
    constexpr std::string_view text = "0 a() = 0\n#ifdef X\n+0 b() = 0\n#else\n+0 c() = 0\n#endif\n+0 d() = 0\n";
    CHECK(calls_of(text) == "acd");
    CHECK(calls_of(text, defined("X")) == "abd");
    CHECK(calls_of(text, defined("X=0")) == "abd");
    CHECK(calls_of(text, defined("XY")) == "acd");
}

TEST_CASE("#ifndef keeps what a name is not defined for", "[apps][pkt][syntax]") {
    constexpr std::string_view text = "#ifndef X // why\n0 a() = 0\n#endif // X\n0 b() = 0";
    CHECK(calls_of(text) == "ab");
    CHECK(calls_of(text, defined("X")) == "b");
}

TEST_CASE("conditions nest, also where nothing is kept", "[apps][pkt][syntax]") {
    constexpr std::string_view text =
        "#ifdef X\n#ifdef Y\n0 a() = 0\n#else\n0 b() = 0\n#endif\n#else\n  #ifndef Y\n0 c() = 0\n  #else\n0 d() = 0\n"
        "  #endif\n#endif\n";
    CHECK(calls_of(text) == "c");
    CHECK(calls_of(text, defined("Y")) == "d");
    CHECK(calls_of(text, defined("X")) == "b");
}

TEST_CASE("what is left out need not be a script", "[apps][pkt][syntax]") {
    CHECK(calls_of("#ifdef X\n``` %{ /* \"\n#endif\n0 a() = 0\n") == "a");
}

TEST_CASE("a condition may stand within an event and before options", "[apps][pkt][syntax]") {
    CHECK(calls_of("0 a(1,\n#ifdef X\n 2\n#else\n 3\n#endif\n ) = 0") == "a");
    const Script script = read("#ifdef X\n--a=1\n#else\n--a=2\n#endif\n", defined("X"));
    REQUIRE(script.options.size() == 1);
    CHECK(script.options[0].value == "1");
}

TEST_CASE("an option of the script defines a name for what follows", "[apps][pkt][syntax]") {
    CHECK(calls_of("--define=X=1\n#ifdef X\n0 a() = 0\n#endif\n") == "a");
    CHECK(calls_of("#ifdef X\n0 a() = 0\n#endif\n") == "");
    CHECK(refusal("--define=1=2").find("a.pkt:1:1: expected NAME or NAME=VALUE") == 0);
}

TEST_CASE("conditions that do not fit together are errors", "[apps][pkt][syntax]") {
    CHECK(refusal("#else\n") == "a.pkt:1:1: expected an #ifdef before it, found #else");
    CHECK(refusal("0 a() = 0\n#endif\n") == "a.pkt:2:1: expected an #ifdef before it, found #endif");
    CHECK(refusal("#ifdef X\n0 a() = 0\n") == "a.pkt:1:1: expected an #endif for this condition, found the end");
    CHECK(refusal("#ifndef X\n0 a() = 0\n") == "a.pkt:1:1: expected an #endif for this condition, found the end");
    CHECK(refusal("#ifndef X\n#else\n#else\n#endif\n") == "a.pkt:3:1: expected #endif, found '#'");
    CHECK(refusal("#ifdef X\n#else\n#else\n#endif\n") == "a.pkt:3:1: expected #endif, found a second #else");
    CHECK(refusal("#ifdef\n#endif\n") == "a.pkt:1:7: expected a name after #ifdef, found the end of the line");
    CHECK(refusal("#ifdef 3\n#endif\n") == "a.pkt:1:8: expected a name after #ifdef, found \"3\"");
}

TEST_CASE("conditions within each other have a limit", "[apps][pkt][syntax]") {
    const auto nested = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) text += "#ifndef X\n";
        text += "0 a() = 0\n";
        for (std::size_t i = 0; i < count; ++i) text += "#endif\n";
        return text;
    };
    CHECK(calls_of(nested(limits::conditionals)) == "a");
    CHECK(refusal(nested(limits::conditionals + 1)) ==
          "a.pkt:33:1: expected at most 32 conditions within each other, found one more");
    CHECK(calls_of(nested(1'000), defined("X")) == "");
}

TEST_CASE("directives of C that scripts do not have are not supported and no error", "[apps][pkt][syntax]") {
    const Script script = read("#define A 3\n#if A\n0 a() = 0\n#elif B\n#endif\n#include \"b\"\n");
    REQUIRE(script.unsupported.size() == 4);
    CHECK(script.unsupported[0].reason == "directive #define");
    CHECK(script.unsupported[1].at == Position{2, 1});
    CHECK(script.unsupported[3].reason == "directive #include");
    CHECK(script.events.size() == 1);
}

TEST_CASE("what is not supported is listed in the order of the text", "[apps][pkt][syntax]") {
    const Script script = read(
        "0 < S 0:0(0) <dss dack4=1>\n0 %{ import x }%\n0 < sctp: DATA[\n  ttl 3]\n  more\n\n// end\n+1 a() = 0\n`b`\n");
    REQUIRE(script.unsupported.size() == 3);
    CHECK(script.unsupported[0].at == Position{1, 15});
    CHECK(script.unsupported[1].at == Position{2, 6});
    CHECK(script.unsupported[2].at == Position{3, 5});
    REQUIRE(script.events.size() == 4);
    CHECK(script.events[2].time.at == Position{3, 1});
    CHECK(script.cleanup.size() == 1);
}

TEST_CASE("an error after something that is not supported is still an error", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < sctp: X\n+0 < S 0:0(1)\n").find("a.pkt:2:8: expected sequence numbers") == 0);
}

TEST_CASE("lines may end as Windows ends them", "[apps][pkt][syntax]") {
    const Script script = read("--a=b\r\n0 a() = 0\r\n+0 < S 0:0(0) <nop>\r\n");
    CHECK(script.options[0].value == "b");
    CHECK(script.events.size() == 2);
}

TEST_CASE("a NUL byte is no text", "[apps][pkt][syntax]") {
    CHECK(refusal(std::string_view("0 a() = 0\n\0", 11)) == "a.pkt:2:1: expected text, found the byte 0x00");
}

TEST_CASE("a script has a limit in bytes", "[apps][pkt][syntax]") {
    CHECK(read(std::string(limits::script_bytes, '\n')).events.empty());
    CHECK(refusal(std::string(limits::script_bytes + 1, '\n')) ==
          "a.pkt:1:1: expected a script of at most 1048576 bytes, found 1048577");
}

TEST_CASE("a script has a limit in events", "[apps][pkt][syntax]") {
    std::string text;
    for (std::size_t i = 0; i < limits::events; ++i) text += "+ ``\n";
    CHECK(read(text).events.size() == limits::events);
    CHECK(refusal(text + "+ ``\n").find("a.pkt:65537:1: expected at most 65536 events") == 0);
}

TEST_CASE("a script has a limit in values", "[apps][pkt][syntax]") {
    std::string text = "0 a(0";
    for (std::size_t i = 2; i < limits::expression_nodes; ++i) text += ",0";
    CHECK(read(text + ") = 0").events.size() == 1);
    CHECK(refusal(text + ",0) = 0").find("expected at most 262144 values in a script") != std::string::npos);
}

TEST_CASE("a fault says file, line, column, what was expected and what was found", "[apps][pkt][syntax]") {
    const Result<Script, Fault> script = parse_script("dir/b.pkt", "0 a() = 0\n  +0 b(] = 0\n");
    REQUIRE_FALSE(script.has_value());
    CHECK(script.error().file == "dir/b.pkt");
    CHECK(script.error().at == Position{2, 8});
    CHECK(script.error().text() == "dir/b.pkt:2:8: expected a value, found ']'");
}

TEST_CASE("a script that was read does not need its text", "[apps][pkt][syntax]") {
    Script copy;
    {
        const std::string text = "`init`\n0 a(\"text\", name) = -1 EAGAIN (note)\n";
        copy = read(text);
    }
    CHECK(copy.init[0].text == "init");
    CHECK(std::get<SystemCall>(copy.events[0].action).arguments[0].text == "text");
    CHECK(std::get<SystemCall>(copy.events[0].action).result.note == "note");
}

TEST_CASE("every prefix of a script is read without a crash", "[apps][pkt][syntax]") {
    constexpr std::string_view text =
        "--a=\"b\"\n`c`\n#ifdef X\n#else\n0~1 f({a(1)=[\"\\x41\", 'b'], c=-~3|D}, ...) = -1 EAGAIN (why)\n#endif\n"
        "+.1...2 g() = ?\n+ < [ce] ipv6 1:: > 2:: : mpls (label 1, tc 1, [S], ttl 1): SF5. 1:2(1)! ack 1 win 2 urg 3 "
        "<mss ..., TS val 1 ecr 2, sack 1:2 3:4, FO abcd, ECN e0b 1, dss x[>]>/udp(1 > 2)\n"
        "* > [0:0(0)] icmp unreachable frag_needed mtu 3 /* x */ # y\n%{\n";
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const std::string prefix(text.substr(0, length));
        const Result<Script, Fault> script = parse_script("a.pkt", prefix);
        if (!script) CHECK_FALSE(script.error().expected.empty());
    }
}

}  // namespace
}  // namespace skerry
