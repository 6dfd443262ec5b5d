#include "pkt_syntax_sample.hpp"

#include <cstdint>
#include <limits>

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

std::string argument_shape(std::string_view text, const Defines& defines = {}) {
    return shape(argument(text, defines));
}

std::string refused_argument(std::string_view text, const Defines& defines = {}) {
    return refusal("0 f(" + std::string(text) + ") = 0", defines);
}

TEST_CASE("a call has its name, arguments and result", "[apps][pkt][syntax]") {
    const SystemCall one = call("socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3");
    CHECK(one.name == "socket");
    CHECK(one.at == Position{1, 3});
    REQUIRE(one.arguments.size() == 3);
    CHECK(shape(one.arguments[0]) == "...");
    CHECK(shape(one.arguments[1]) == "(SOCK_STREAM | SOCK_NONBLOCK)");
    CHECK(shape(one.arguments[2]) == "IPPROTO_TCP");
    CHECK(one.arguments[2].at == Position{1, 42});
    CHECK(shape(one.result.value) == "3");
    CHECK(one.result.error.empty());
    CHECK(call("kqueue() = 3").arguments.empty());
}

TEST_CASE("a failure names its error and says it in words", "[apps][pkt][syntax]") {
    const CallResult result = call("read(3, ..., 10) = -1 EAGAIN (Resource (temporarily) unavailable)").result;
    CHECK(result.value.number == -1);
    CHECK(result.error == "EAGAIN");
    CHECK(result.note == "Resource (temporarily) unavailable");
    CHECK(call("f() = -1 EINVAL").result.note.empty());
    CHECK(call("f() = -1 (Invalid Argument)").result.error.empty());
    CHECK(call("f() = -1 // EINPROGRESS").result.error.empty());
    CHECK(call("fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)").result.note == "flags O_RDWR");
}

TEST_CASE("a result may be anything, a name or names", "[apps][pkt][syntax]") {
    CHECK(shape(call("f() = ?").result.value) == "?");
    CHECK(shape(call("f() = ...").result.value) == "...");
    CHECK(shape(call("f() = O_RDWR|O_NONBLOCK").result.value) == "(O_RDWR | O_NONBLOCK)");
    CHECK(call("f() = 0 [1, 2]").result.output.has_value());
    CHECK_FALSE(call("f() = 0").result.output.has_value());
}

TEST_CASE("what follows a result on the next line is the next event", "[apps][pkt][syntax]") {
    const Script script = read("0 f() = 0 [1]\n+0 g() = -1\n* > . 1:1(0)\n+1 h() = A\n");
    REQUIRE(script.events.size() == 4);
    CHECK(script.events[2].time.base == TimeBase::any);
    CHECK(script.events[3].time.begin_ns == 1'000'000'000);
}

TEST_CASE("a call without a result is an error", "[apps][pkt][syntax]") {
    CHECK(refusal("0 close(3)\n+0 close(4) = 0") == "a.pkt:2:1: expected '=', found '+'");
    CHECK(refusal("0 close(3) =") == "a.pkt:1:13: expected the result of the call, found the end");
    CHECK(refusal("0 close(3) = -x") == "a.pkt:1:15: expected a number after '-', found something else");
    CHECK(refusal("0 close(3) = 0 nonsense") ==
          "a.pkt:1:16: expected the name of an error, like EAGAIN, found \"nonsense\"");
    CHECK(refusal("0 close(3) = 0 (open\n+0 close(3) = 0") ==
          "a.pkt:1:16: expected ')' on the line of this '(', found the end of the line");
}

TEST_CASE("integers are decimal, hexadecimal, octal or a character", "[apps][pkt][syntax]") {
    CHECK(argument("9223372036854775807").number == std::numeric_limits<std::int64_t>::max());
    CHECK(argument("0x1F").number == 31);
    CHECK(argument("0777").number == 511);
    CHECK(argument("0").number == 0);
    CHECK(argument("'A'").number == 65);
    CHECK(argument("'\\n'").number == 10);
    CHECK(argument("0xffffffffffffffff").number == -1);
    CHECK(argument_shape("-5") == "(- 5)");
}

TEST_CASE("an integer that does not fit is an error", "[apps][pkt][syntax]") {
    CHECK(refused_argument("9223372036854775808") ==
          "a.pkt:1:5: expected an integer up to 9223372036854775807, found \"9223372036854775808\"");
    CHECK(refused_argument("0x10000000000000000").find("up to 18446744073709551615") != std::string::npos);
    CHECK(refused_argument("12ab") == "a.pkt:1:5: expected an integer, found \"12ab\"");
    CHECK(refused_argument("089") == "a.pkt:1:5: expected an integer, found \"089\"");
    CHECK(refused_argument("'ab'") == "a.pkt:1:5: expected one character in quotes, found 2");
    CHECK(refused_argument("''") == "a.pkt:1:5: expected one character in quotes, found 0");
}

TEST_CASE("a text has the escapes of C", "[apps][pkt][syntax]") {
    CHECK(argument(R"("a\tb\"\\\xa1\101\0")").text == std::string("a\tb\"\\\xa1"
                                                                  "A\0",
                                                                  8));
    CHECK(argument("\"\"").text.empty());
    CHECK(argument("\"// no comment # here\"").text == "// no comment # here");
    CHECK(refused_argument(R"("\q")") == "a.pkt:1:7: expected an escape of C after '\\', found \"q\"");
    CHECK(refused_argument("\"open") == "a.pkt:1:15: expected the quotes that end this text, found the end");
    CHECK(refused_argument("\"a\nb\"") ==
          "a.pkt:1:7: expected the quotes that end this text, found the end of the line");
}

TEST_CASE("operators bind as they do in C", "[apps][pkt][syntax]") {
    CHECK(argument_shape("A | B & C ^ D") == "(A | ((B & C) ^ D))");
    CHECK(argument_shape("1 + 2 * 3 - 4") == "(1 + (2 * 3) - 4)");
    CHECK(argument_shape("1 << 2 + 3 >> 1") == "(1 << (2 + 3) >> 1)");
    CHECK(argument_shape("(1 + 2) * ~3 % 4") == "((1 + 2) * (~ 3) % 4)");
    CHECK(argument_shape("6 / 2") == "(6 / 2)");
    CHECK(argument_shape("!A") == "(not A)");
    CHECK(refused_argument("A || B") == "a.pkt:1:7: expected ',' or ')', found '|'");
    CHECK(refused_argument("A |") == "a.pkt:1:8: expected a value, found ')'");
}

TEST_CASE("lists, structures and functions hold each other", "[apps][pkt][syntax]") {
    CHECK(argument_shape("[1, [], 4 ]") == "[1, [], 4]");
    CHECK(argument_shape("{sa_family = AF_INET, sin_port = htons(8080),\n sin_addr = inet_addr(\"192.0.2.1\")}") ==
          "{sa_family = <AF_INET>, sin_port = <htons(8080)>, sin_addr = <inet_addr(\"192.0.2.1\")>}");
    CHECK(argument_shape("[{fd=3, events=POLLIN|POLLOUT, revents=0}]") ==
          "[{fd = <3>, events = <(POLLIN | POLLOUT)>, revents = <0>}]");
    CHECK(argument_shape("{}") == "{}");
}

TEST_CASE("a field may say how many there are", "[apps][pkt][syntax]") {
    CHECK(argument_shape("{msg_name(...)=..., msg_iov(2)=[{..., 500},{...,1}], msg_flags=0,\n"
                         "  msg_control=[{cmsg_level=SOL_TCP, cmsg_type=1, cmsg_data={ee_errno=0}}]}") ==
          "{msg_name = <..., ...>, msg_iov = <[{..., 500}, {..., 1}], 2>, msg_flags = <0>, "
          "msg_control = <[{cmsg_level = <SOL_TCP>, cmsg_type = <1>, cmsg_data = <{ee_errno = <0>}>}]>}");
}

TEST_CASE("only a name is set in a structure", "[apps][pkt][syntax]") {
    CHECK(refused_argument("{3 = 4}") == "a.pkt:1:8: expected ',' or '}', found '='");
    CHECK(refused_argument("{a(1, 2) = 4}") == "a.pkt:1:14: expected ',' or '}', found '='");
    CHECK(refused_argument("{a = }").find("expected a value") != std::string::npos);
    CHECK(refused_argument("[1, 2}") == "a.pkt:1:10: expected ',' or ']', found '}'");
}

TEST_CASE("a defined name is replaced by its value, as one value", "[apps][pkt][syntax]") {
    Defines defines;
    REQUIRE(defines.add("LEVEL=SOL_IP").empty());
    REQUIRE(defines.add("SUM=1 + 2").empty());
    REQUIRE(defines.add("TWICE=SUM * 2").empty());
    REQUIRE(defines.add("BARE").empty());
    CHECK(argument_shape("LEVEL", defines) == "SOL_IP");
    CHECK(argument_shape("SUM * 5", defines) == "((1 + 2) * 5)");
    CHECK(argument_shape("TWICE", defines) == "((1 + 2) * 2)");
    CHECK(argument_shape("BARE", defines) == "BARE");
}

TEST_CASE("a value that is no expression is reported where its name stands", "[apps][pkt][syntax]") {
    Defines defines;
    REQUIRE(defines.add("A=1 +").empty());
    REQUIRE(defines.add("B=1 2").empty());
    REQUIRE(defines.add("C=A").empty());
    CHECK(refused_argument("1, A", defines) == "a.pkt:1:8: expected a value in the value of A, found the end");
    CHECK(refused_argument("B", defines) == "a.pkt:1:5: expected nothing more in the value of B, found \"2\"");
    CHECK(refused_argument("C", defines) == "a.pkt:1:5: expected a value in the value of A, found the end");
}

TEST_CASE("values that name each other have a limit", "[apps][pkt][syntax]") {
    Defines circle;
    REQUIRE(circle.add("A=B").empty());
    REQUIRE(circle.add("B=A").empty());
    CHECK(refused_argument("A", circle).find("at most 8 names whose values name each other") != std::string::npos);
    CHECK(refusal("0 < S 0:0(0) win A", circle).find("at most 8 names") != std::string::npos);
    Defines chain;
    for (int i = 1; i < 8; ++i) REQUIRE(chain.add("N" + std::to_string(i) + "=N" + std::to_string(i + 1)).empty());
    REQUIRE(chain.add("N8=7").empty());
    CHECK(argument("N1", chain).number == 7);
    REQUIRE(chain.add("N0=N1").empty());
    CHECK(refused_argument("N0", chain).find("at most 8 names") != std::string::npos);
}

TEST_CASE("values that multiply each other end at the number of nodes", "[apps][pkt][syntax]") {
    Defines defines;
    std::string many = "N1";
    for (int i = 0; i < 40; ++i) many += "|N1";
    for (int i = 0; i < 7; ++i) {
        std::string value = many;
        for (std::size_t at = 0; (at = value.find("N1", at)) != std::string::npos; at += 2)
            value.replace(at, 2, "N" + std::to_string(i + 1));
        REQUIRE(defines.add("N" + std::to_string(i) + "=" + value).empty());
    }
    CHECK(refused_argument("N0", defines).find("at most 262144 values in a script") != std::string::npos);
}

TEST_CASE("what can be defined is a name, with or without a value", "[apps][pkt][syntax]") {
    Defines defines;
    CHECK(defines.add("A_1=").empty());
    CHECK(*defines.value("A_1") == "");
    CHECK(defines.add("A_1=x=y").empty());
    CHECK(*defines.value("A_1") == "x=y");
    CHECK(defines.add("A_1").empty());
    CHECK(defines.has("A_1"));
    CHECK(defines.value("A_1") == nullptr);
    CHECK_FALSE(defines.add("").empty());
    CHECK_FALSE(defines.add("=1").empty());
    CHECK_FALSE(defines.add("1A=1").empty());
    CHECK_FALSE(defines.add("A-B=1").empty());
    CHECK_FALSE(defines.add(std::string_view("A=\0", 3)).empty());
    CHECK(defines.add("A=" + std::string(limits::define_bytes - 2, '1')).empty());
    CHECK_FALSE(defines.add("A=" + std::string(limits::define_bytes - 1, '1')).empty());
}

std::string nested(std::string_view open, std::size_t times, std::string_view inner, std::string_view close) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += open;
    text += inner;
    for (std::size_t i = 0; i < times; ++i) text += close;
    return text;
}

TEST_CASE("brackets and signs within each other have a limit", "[apps][pkt][syntax]") {
    constexpr std::size_t most = limits::nesting - 1;  // the innermost value is one level
    for (const auto& [open, close] :
         {std::pair{"(", ")"}, {"[", "]"}, {"{", "}"}, {"f(", ")"}, {"-", ""}, {"{a=", "}"}}) {
        INFO(open);
        CHECK(call("f(" + nested(open, most, "1", close) + ") = 0").arguments.size() == 1);
        CHECK(refused_argument(nested(open, most + 1, "1", close)).find("at most 32 brackets and operators") !=
              std::string::npos);
        CHECK(refused_argument(nested(open, 100'000, "1", close)).find("at most 32 brackets and operators") !=
              std::string::npos);
    }
}

TEST_CASE("many operators in a row are one node and no depth", "[apps][pkt][syntax]") {
    std::string text = "A";
    for (int i = 0; i < 20'000; ++i) text += "|A";
    CHECK(argument(text).parts.size() == 20'001);
}

}  // namespace
}  // namespace skerry
