#include "loadgen/protocol/resp_reply.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace skerry::loadgen;

struct Reply {
    RespKind kind = RespKind::text;
    std::uint64_t value_bytes = 0;

    friend bool operator==(const Reply&, const Reply&) = default;
};

struct Reading {
    std::vector<Reply> replies;
    RespFault fault = RespFault::none;

    friend bool operator==(const Reading&, const Reading&) = default;
};

/// Feeds one piece, which lies in memory of its own, so that a sanitizer sees a look beyond its end.
void feed(RespReply& reply, std::string_view piece, Reading& reading) {
    const std::vector<char> own(piece.begin(), piece.end());
    std::string_view data(own.data(), own.size());
    while (!data.empty() && reading.fault == RespFault::none) {
        const RespStep step = reply.take(data);
        if (step == RespStep::complete) reading.replies.push_back({reply.kind(), reply.value_bytes()});
        if (step == RespStep::fault) reading.fault = reply.fault();
    }
}

Reading in_pieces(std::string_view stream, std::size_t first, std::size_t others) {
    RespReply reply;
    Reading reading;
    feed(reply, stream.substr(0, first), reading);
    for (std::size_t at = first; at < stream.size(); at += others) feed(reply, stream.substr(at, others), reading);
    return reading;
}

/// Reads the stream whole, cut at every byte and byte by byte: all must say the same.
Reading read(std::string_view stream) {
    const Reading reading = in_pieces(stream, stream.size(), 1);
    for (std::size_t at = 1; at < stream.size(); ++at) {
        INFO("cut at byte " << at);
        CHECK(in_pieces(stream, at, stream.size()) == reading);
    }
    CHECK(in_pieces(stream, 1, 1) == reading);
    return reading;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("a reply of RESP ends where its kind says", "[apps][loadgen][resp]") {
    using enum RespKind;
    struct Row {
        std::string stream;
        std::vector<Reply> replies;
    };
    const std::vector<Row> rows{
        {"+OK\r\n", {{text, 2}}},
        {"+\r\n", {{text, 0}}},
        {"-ERR no such command\r\n", {{error, 0}}},
        {":0\r\n:-9223372036854775808\r\n:+7\r\n", {{integer, 0}, {integer, 0}, {integer, 0}}},
        {"$5\r\nhello\r\n", {{value, 5}}},
        {"$0\r\n\r\n", {{value, 0}}},
        {"$-1\r\n", {{nothing, 0}}},
        {"$4\r\n\r\n\r\n\r\n+a\r\n", {{value, 4}, {text, 1}}},
        {"$5\r\n$-1\r\n\r\n", {{value, 5}}},
        {"*0\r\n", {{array, 0}}},
        {"*-1\r\n", {{nothing, 0}}},
        {"*2\r\n$3\r\nfoo\r\n$-1\r\n+OK\r\n", {{array, 0}, {text, 2}}},
        {"*3\r\n*1\r\n*2\r\n:1\r\n-ERR x\r\n*0\r\n$1\r\ny\r\n$1\r\nz\r\n", {{array, 0}, {value, 1}}},
        {repeated("*1\r\n", RespReply::nesting_max) + ":1\r\n:2\r\n", {{array, 0}, {integer, 0}}},
        {repeated("*1\r\n", RespReply::nesting_max) + "*0\r\n", {{array, 0}}},
        {"", {}},
        {"*2\r\n:1\r\n", {}},
    };
    for (const Row& row : rows) {
        INFO(row.stream);
        CHECK(read(row.stream) == Reading{row.replies});
    }
}

TEST_CASE("what can be no reply of RESP is a fault of its own kind", "[apps][loadgen][resp][error]") {
    using enum RespFault;
    struct Row {
        std::string stream;
        RespFault fault;
    };
    const std::vector<Row> rows{
        {"HTTP/1.1 400 Bad Request\r\n", type},
        {"\r\n", type},
        {"_\r\n", type},
        {"+OK\n", line_end},
        {"+O\rK\r\n", line_end},
        {"+OK\r\r\n", line_end},
        {":1\n", line_end},
        {"$2\r\nabc\r\n", line_end},
        {"$2\r\na\r\n\r\n", line_end},
        {"$2\r\nab\n", line_end},
        {"$0\r\nxy", line_end},
        {":\r\n", number},
        {":1 \r\n", number},
        {": 1\r\n", number},
        {":1x\r\n", number},
        {":+-1\r\n", number},
        {":--1\r\n", number},
        {":9223372036854775808\r\n", number},
        {"$\r\n", number},
        {"$0x10\r\n", number},
        {"$99999999999999999999\r\n", number},
        {"$-2\r\n", value_length},
        {"$-9223372036854775808\r\n", value_length},
        {"$536870913\r\n", value_length},
        {"$9223372036854775807\r\n", value_length},
        {"*-2\r\n", array_length},
        {"*1048577\r\n", array_length},
        {"*9223372036854775807\r\n", array_length},
        {"*99999999999999999999\r\n", number},
        {repeated("*1\r\n", RespReply::nesting_max + 1), nested_too_deep},
        {repeated("*1048576\r\n", RespReply::nesting_max + 1), nested_too_deep},
    };
    for (const Row& row : rows) {
        INFO(row.stream);
        CHECK(read(row.stream) == Reading{{}, row.fault});
        CHECK_FALSE(to_string(row.fault).empty());
    }
}

TEST_CASE("a line of RESP without an end is given up at its limit", "[apps][loadgen][resp][error]") {
    for (const char* begin : {"+", "-", ":", "$", "*", "$1\r\nx\r\n+"}) {
        RespReply reply;
        Reading reading;
        feed(reply, begin, reading);
        std::size_t bytes = 1;
        for (; reading.fault == RespFault::none && bytes <= RespReply::line_bytes_max; bytes += 64)
            feed(reply, std::string(64, '1'), reading);
        CHECK(reading.fault == RespFault::line_too_long);
        CHECK(bytes >= RespReply::line_bytes_max);
    }
    const std::string longest = "+" + std::string(RespReply::line_bytes_max - 3, 'x') + "\r\n";
    CHECK(in_pieces(longest, 1, 1'000) == Reading{{{RespKind::text, RespReply::line_bytes_max - 3}}});
    CHECK(in_pieces("+x" + longest.substr(1), 1, 1'000).fault == RespFault::line_too_long);
}

TEST_CASE("the longest value and the longest array of RESP are taken", "[apps][loadgen][resp]") {
    RespReply reply;
    Reading reading;
    feed(reply, "$536870912\r\n" + std::string(10'000, 'x'), reading);
    feed(reply, "*1048576\r\n", reading);  // inside the value
    CHECK(reading == Reading{});
    RespReply array;
    feed(array, "*1048576\r\n", reading);
    for (int i = 0; i < 1024; ++i) feed(array, repeated(":1\r\n", 1024), reading);
    CHECK(reading == Reading{{{RespKind::array, 0}}});
}

TEST_CASE("what a reply of RESP says is that of the outermost one", "[apps][loadgen][resp]") {
    RespReply reply;
    std::string_view data = "+OK\r\n+PONG\r\n-ERR one\r\n*2\r\n+OK\r\n-ERR two\r\n";
    REQUIRE(reply.take(data) == RespStep::complete);
    CHECK(reply.is_ok());
    CHECK_FALSE(reply.is_pong());
    REQUIRE(reply.take(data) == RespStep::complete);
    CHECK(reply.is_pong());
    CHECK_FALSE(reply.is_ok());
    REQUIRE(reply.take(data) == RespStep::complete);
    CHECK(reply.kind() == RespKind::error);
    CHECK(reply.error() == "ERR one");
    REQUIRE(reply.take(data) == RespStep::complete);
    CHECK(reply.kind() == RespKind::array);
    CHECK_FALSE(reply.is_ok());
    CHECK(reply.error() == "ERR one");
}
