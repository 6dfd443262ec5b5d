#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

CodeBlock code(std::string_view text) { return action<CodeBlock>("0 %{" + std::string(text) + "}%"); }

template <class T>
T statement(std::string_view text) {
    CodeBlock block = code(text);
    REQUIRE(block.statements.size() == 1);
    REQUIRE(std::holds_alternative<T>(block.statements.front()));
    return std::get<T>(std::move(block.statements.front()));
}

std::string condition(std::string_view text) {
    return shape(statement<Assertion>("assert " + std::string(text)).condition);
}

/// Why a block is not understood; the script must be one all the same.
std::string reason(std::string_view text) {
    const Script script = read("0 %{" + std::string(text) + "}%\n+0 close(3) = 0\n");
    INFO(text);
    REQUIRE(script.events.size() == 2);
    REQUIRE(script.unsupported.size() == 1);
    const auto& block = std::get<CodeBlock>(script.events[0].action);
    REQUIRE_FALSE(block.statements.empty());
    REQUIRE(std::holds_alternative<Unsupported>(block.statements.back()));
    CHECK(std::get<Unsupported>(block.statements.back()).reason == script.unsupported[0].reason);
    return script.unsupported[0].reason;
}

TEST_CASE("an assertion has a condition and perhaps a message", "[apps][pkt][syntax]") {
    const auto with = statement<Assertion>(" assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd ");
    CHECK(shape(with.condition) == "(tcpi_snd_cwnd == 10)");
    REQUIRE(with.message.size() == 1);
    CHECK(shape(with.message[0]) == "tcpi_snd_cwnd");
    CHECK(with.at == Position{1, 6});
    CHECK(statement<Assertion>("assert a").message.empty());
}

TEST_CASE("a block keeps its text", "[apps][pkt][syntax]") {
    const CodeBlock block = code(" assert a # why\n");
    CHECK(block.text == " assert a # why\n");
    CHECK(block.at == Position{1, 3});
    CHECK(block.statements.size() == 1);
}

TEST_CASE("conditions bind as they do in Python", "[apps][pkt][syntax]") {
    CHECK(condition("a or b and not c") == "(a or (b and (not c)))");
    CHECK(condition("not a == b") == "(not (a == b))");
    CHECK(condition("not not a") == "(not (not a))");
    CHECK(condition("(a & 4) != 0 and b") == "(((a & 4) != 0) and b)");
    CHECK(condition("a & 4 != 0") == "((a & 4) != 0)");
    CHECK(condition("1 <= a < 5") == "(1 <= a < 5)");
    CHECK(condition("a // 2 + 1 > -b * ~3") == "(((a // 2) + 1) > ((- b) * (~ 3)))");
    CHECK(condition("a == (B | C)") == "(a == (B | C))");
    CHECK(condition("a or b or c") == "(a or b or c)");
}

TEST_CASE("a value may be in several, or not", "[apps][pkt][syntax]") {
    CHECK(condition("a in (1, 2)") == "(a in tuple(1, 2))");
    CHECK(condition("a not in [1, 2,]") == "(a not in [1, 2])");
    CHECK(condition("a in (1,)") == "(a in tuple(1))");
    CHECK(condition("a in (1)") == "(a in 1)");
    CHECK(condition("a in ()") == "(a in tuple())");
    CHECK(condition("inner == 1") == "(inner == 1)");
}

TEST_CASE("calls and texts are values", "[apps][pkt][syntax]") {
    CHECK(condition("abs(a - 5) <= max(1, b)") == "(abs((a - 5)) <= max(1, b))");
    CHECK(condition("a == 'it' or b == \"x\"") == "((a == \"it\") or (b == \"x\"))");
}

TEST_CASE("statements end with their line or a semicolon", "[apps][pkt][syntax]") {
    const CodeBlock block = code("\nassert a; assert b,b\n\n  ; print(c)\nx = 3\nassert (d and\n  e) # remark\n");
    REQUIRE(block.statements.size() == 5);
    CHECK(std::get<Assertion>(block.statements[1]).at == Position{2, 11});
    CHECK(std::get<Print>(block.statements[2]).values.size() == 1);
    CHECK(std::get<Assignment>(block.statements[3]).name == "x");
    CHECK(std::get<Assignment>(block.statements[3]).value.number == 3);
    CHECK(shape(std::get<Assertion>(block.statements[4]).condition) == "(d and e)");
}

TEST_CASE("a backslash joins lines", "[apps][pkt][syntax]") { CHECK(condition("a == \\\n 1") == "(a == 1)"); }

TEST_CASE("print takes its values with and without parentheses", "[apps][pkt][syntax]") {
    CHECK(statement<Print>("print(a, \"b\")").values.size() == 2);
    CHECK(statement<Print>("print a, b").values.size() == 2);
    CHECK(statement<Print>("print a").values.size() == 1);
    CHECK(statement<Print>("print").values.empty());
    CHECK(statement<Print>("print()").values.empty());
}

TEST_CASE("an empty block has no statements", "[apps][pkt][syntax]") {
    CHECK(code("").statements.empty());
    CHECK(code(" # nothing\n\n").statements.empty());
}

TEST_CASE("what is beyond assertions is not supported and no error", "[apps][pkt][syntax]") {
    CHECK(reason("\nfor x in y:\n  assert x\n") == "\"for\" in code");
    CHECK(reason("import os") == "\"import\" in code");
    CHECK(reason("assert a[0] == 1") == "'[' after a value in code");
    CHECK(reason("assert a.b == 1") == "'.' after a value in code");
    CHECK(reason("assert a ** 2 == 1") == "'*' after a value in code");
    CHECK(reason("assert 'a' 'b'") == "''' after a value in code");
    CHECK(reason("assert a > 0.5") == "a number in code that is not whole");
    CHECK(reason("assert a < 1e3") == "a number in code that is not whole");
    CHECK(reason("a += 1") == "code: expected a statement of assert, print or NAME = VALUE, found '+'");
    CHECK(reason("assert a b") == "code: expected the end of the statement, found \"b\"");
    CHECK(reason("assert a\n  == 1").find("code: expected") == 0);
    CHECK(reason("assert").find("code: expected a value") == 0);
    CHECK(reason("assert (a") == "code: expected ',' or ')', found the end");
    CHECK(reason("assert a not b") == "code: expected 'in' after 'not', found \"b\"");
}

TEST_CASE("statements before the one that is not supported are kept", "[apps][pkt][syntax]") {
    const Script script = read("0 %{ assert a\nwhile 1: pass\nassert b }%");
    const auto& block = std::get<CodeBlock>(script.events[0].action);
    REQUIRE(block.statements.size() == 2);
    CHECK(std::holds_alternative<Assertion>(block.statements[0]));
    CHECK(std::get<Unsupported>(block.statements[1]).at == Position{2, 1});
}

TEST_CASE("nesting in code has a limit, which makes it not supported", "[apps][pkt][syntax]") {
    const std::string most = std::string(limits::nesting - 1, '(') + "a" + std::string(limits::nesting - 1, ')');
    CHECK(condition(most) == "a");
    CHECK(reason("assert (" + most + ")").find("at most 32 brackets and operators") != std::string::npos);
    CHECK(reason("assert " + std::string(100'000, '(')).find("at most 32 brackets") != std::string::npos);
    CHECK(reason("assert " + std::string(100'000, '-') + "1").find("at most 32 brackets") != std::string::npos);
    std::string nots;
    for (int i = 0; i < 50'000; ++i) nots += "not ";
    CHECK(reason("assert " + nots + "a").find("at most 32 brackets") != std::string::npos);
}

TEST_CASE("a block that does not end is an error", "[apps][pkt][syntax]") {
    CHECK(refusal("0 %{ assert a }\n") == "a.pkt:1:3: expected '}%' after this '%{', found the end");
}

}  // namespace
}  // namespace skerry
