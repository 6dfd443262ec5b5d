#include "loadgen/protocol/http_response.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace skerry::loadgen;

struct Answer {
    unsigned status = 0;
    std::uint64_t body_bytes = 0;
    bool keeps_alive = true;

    friend bool operator==(const Answer&, const Answer&) = default;
};

struct Reading {
    std::vector<Answer> answers;
    HttpFault fault = HttpFault::none;

    friend bool operator==(const Reading&, const Reading&) = default;
};

/// Feeds one piece, which lies in memory of its own, so that a sanitizer sees a look beyond its end.
void feed(HttpResponse& response, std::string_view piece, Reading& reading) {
    const std::vector<char> own(piece.begin(), piece.end());
    std::string_view data(own.data(), own.size());
    while (!data.empty() && reading.fault == HttpFault::none) {
        const HttpStep step = response.take(data);
        if (step == HttpStep::complete)
            reading.answers.push_back({response.status(), response.body_bytes(), response.keeps_alive()});
        if (step == HttpStep::fault) reading.fault = response.fault();
    }
}

void end(HttpResponse& response, Reading& reading) {
    if (reading.fault != HttpFault::none) return;
    const HttpStep step = response.take_end();
    if (step == HttpStep::complete)
        reading.answers.push_back({response.status(), response.body_bytes(), response.keeps_alive()});
    if (step == HttpStep::fault) reading.fault = response.fault();
}

Reading whole(std::string_view stream, bool is_head = false) {
    HttpResponse response(is_head);
    Reading reading;
    feed(response, stream, reading);
    end(response, reading);
    return reading;
}

Reading cut_at(std::string_view stream, std::size_t at, bool is_head) {
    HttpResponse response(is_head);
    Reading reading;
    feed(response, stream.substr(0, at), reading);
    feed(response, stream.substr(at), reading);
    end(response, reading);
    return reading;
}

Reading byte_by_byte(std::string_view stream, bool is_head) {
    HttpResponse response(is_head);
    Reading reading;
    for (const char c : stream) feed(response, {&c, 1}, reading);
    end(response, reading);
    return reading;
}

/// Reads the stream whole, cut at every byte and byte by byte: all must say the same.
Reading read(std::string_view stream, bool is_head = false) {
    const Reading reading = whole(stream, is_head);
    for (std::size_t at = 1; at < stream.size(); ++at) {
        INFO("cut at byte " << at);
        CHECK(cut_at(stream, at, is_head) == reading);
    }
    CHECK(byte_by_byte(stream, is_head) == reading);
    return reading;
}

const std::string ok = "HTTP/1.1 200 OK\r\n";

std::string chunked(const std::string& chunks) { return ok + "Transfer-Encoding: chunked\r\n\r\n" + chunks; }

}  // namespace

TEST_CASE("an answer of HTTP ends where its head says", "[apps][loadgen][http]") {
    struct Row {
        const char* what;
        std::string stream;
        std::vector<Answer> answers;
    };
    const std::vector<Row> rows{
        {"a length", ok + "Content-Length: 5\r\n\r\nhello", {{200, 5, true}}},
        {"no body", ok + "Content-Length: 0\r\n\r\n", {{200, 0, true}}},
        {"two answers",
         ok + "content-length:2\r\n\r\nab" + ok + "CONTENT-LENGTH: \t 1 \r\n\r\nc",
         {{200, 2, true}, {200, 1, true}}},
        {"the same length twice", ok + "Content-Length: 2\r\nContent-Length: 2, 2\r\n\r\nab", {{200, 2, true}}},
        {"no reason", "HTTP/1.1 204 \r\n\r\n", {{204, 0, true}}},
        {"no blank behind the status", "HTTP/1.1 304\r\nContent-Length: 100\r\n\r\n", {{304, 0, true}}},
        {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", {{204, 0, true}}},
        {"a body to the end", ok + "Server: x\r\n\r\n\r\nabc\n", {{200, 6, false}}},
        {"an empty body to the end", ok + "\r\n", {{200, 0, false}}},
        {"another coding, to the end", ok + "Transfer-Encoding: gzip\r\n\r\nabc", {{200, 3, false}}},
        {"a coding over the chunks, to the end", ok + "Transfer-Encoding: chunked, gzip\r\n\r\nabc", {{200, 3, false}}},
        {"closes", ok + "Connection: Close\r\nContent-Length: 1\r\n\r\nx", {{200, 1, false}}},
        {"closes, in a list", ok + "Connection: foo,\tclose , bar\r\nContent-Length: 0\r\n\r\n", {{200, 0, false}}},
        {"closed is not close", ok + "Connection: closed\r\nContent-Length: 0\r\n\r\n", {{200, 0, true}}},
        {"1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", {{200, 1, false}}},
        {"1.0 that goes on",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
         {{200, 1, true}}},
        {"interim answers",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx",
         {{200, 1, true}}},
        {"an interim answer's length is not the answer's",
         "HTTP/1.1 103 Hi\r\nContent-Length: 9\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx",
         {{200, 1, true}}},
        {"a status of 5xx", "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno", {{503, 2, true}}},
        {"nothing at all", "", {}},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        CHECK(read(row.stream) == Reading{row.answers});
    }
}

TEST_CASE("an answer of HTTP in chunks ends behind the last one and its trailer", "[apps][loadgen][http]") {
    struct Row {
        const char* what;
        std::string chunks;
        std::uint64_t body_bytes;
    };
    const std::vector<Row> rows{
        {"one", "5\r\nhello\r\n0\r\n\r\n", 5},
        {"none", "0\r\n\r\n", 0},
        {"upper and lower case", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", 20},
        {"leading zeros", "0000000000000000000001\r\nx\r\n00\r\n\r\n", 1},
        {"extensions", "1;a=b\r\nx\r\n1 ;c\r\ny\r\n0;d=\"e\"\r\n\r\n", 2},
        {"blanks behind the size", "1  \r\nx\r\n0 \r\n\r\n", 1},
        {"a line end as data", "2\r\n\r\n\r\n0\r\n\r\n", 2},
        {"what looks like an end as data", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", 5},
        {"a trailer", "1\r\nx\r\n0\r\nExpires: never\r\nContent-Length: 99\r\n\r\n", 1},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        const std::string next = ok + "Content-Length: 1\r\n\r\ny";
        const Reading expected{{{200, row.body_bytes, true}, {200, 1, true}}};
        CHECK(read(chunked(row.chunks) + next) == expected);
    }
    const std::string twice = ok + "Transfer-Encoding: gzip\r\nTransfer-Encoding: , Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    CHECK(read(twice) == Reading{{{200, 1, true}}});
}

TEST_CASE("an answer to HEAD has no body, whatever its head says", "[apps][loadgen][http]") {
    const std::string answers =
        ok + "Content-Length: 500\r\n\r\n" + ok + "Transfer-Encoding: chunked\r\n\r\n" + "HTTP/1.1 404 No\r\n\r\n";
    CHECK(read(answers, true) == Reading{{{200, 0, true}, {200, 0, true}, {404, 0, true}}});
}

TEST_CASE("what can be no answer of HTTP is a fault of its own kind", "[apps][loadgen][http][error]") {
    using enum HttpFault;
    struct Row {
        std::string stream;
        HttpFault fault;
    };
    const std::string too_large(40, '9');
    const std::vector<Row> rows{
        {"SSH-2.0-OpenSSH_9.2\r\n", status_line},
        {"\r\nHTTP/1.1 200 OK\r\n", status_line},
        {"HTTP/2 200 OK\r\n", status_line},
        {"HTTP/1.2 200 OK\r\n", status_line},
        {"http/1.1 200 OK\r\n", status_line},
        {"HTTP/1.1  200 OK\r\n", status_line},
        {"HTTP/1.1 20 OK\r\n", status_line},
        {"HTTP/1.1 2000 OK\r\n", status_line},
        {"HTTP/1.1 099 OK\r\n", status_line},
        {"HTTP/1.1 -20 OK\r\n", status_line},
        {"HTTP/1.1 200\tOK\r\n", status_line},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", switches_protocols},
        {"HTTP/1.1 200 OK\n", line_end},
        {"HTTP/1.1 200 OK\r\r\n", line_end},
        {"HTTP/1.1 200 OK\rX: y\r\n", line_end},
        {ok + "A: b\n\r\n", line_end},
        {ok + "\n", line_end},
        {ok + "no colon\r\n", header_field},
        {ok + ": no name\r\n", header_field},
        {ok + "Content-Length : 1\r\n", header_field},
        {ok + "A: b\r\n folded\r\n", header_field},
        {ok + " A: b\r\n", header_field},
        {ok + "Content-Length:\r\n", content_length},
        {ok + "Content-Length: -1\r\n", content_length},
        {ok + "Content-Length: +1\r\n", content_length},
        {ok + "Content-Length: 1x\r\n", content_length},
        {ok + "Content-Length: 0x10\r\n", content_length},
        {ok + "Content-Length: 1 2\r\n", content_length},
        {ok + "Content-Length: ,\r\n", content_length},
        {ok + "Content-Length: 9223372036854775808\r\n", content_length},
        {ok + "Content-Length: 18446744073709551617\r\n", content_length},
        {ok + "Content-Length: " + too_large + "\r\n", content_length},
        {ok + "Content-Length: 1\r\nContent-Length: 2\r\n", content_length},
        {ok + "Content-Length: 1, 2\r\n", content_length},
        {ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding},
        {ok + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", transfer_encoding},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding},
        {chunked("\r\n"), chunk_size},
        {chunked("x\r\n"), chunk_size},
        {chunked("-1\r\n"), chunk_size},
        {chunked(" 1\r\n"), chunk_size},
        {chunked("0x1\r\n"), chunk_size},
        {chunked("1 2\r\n"), chunk_size},
        {chunked("8000000000000000\r\n"), chunk_size},
        {chunked("10000000000000001\r\n"), chunk_size},
        {chunked(std::string(30, 'f') + "\r\n"), chunk_size},
        {chunked("1\n"), line_end},
        {chunked("1\r\nxy\r\n"), chunk_end},
        {chunked("1\r\nx\n"), chunk_end},
        {chunked("1\r\nx\r\r"), chunk_end},
        {chunked("1\r\nx0\r\n\r\n"), chunk_end},
        {chunked("0\r\nno colon\r\n"), header_field},
        {chunked("0\r\n\n"), line_end},
        {ok, ended_within},
        {"HTTP/1.1 200", ended_within},
        {"HTTP/1.1 100 Continue\r\n\r\n", ended_within},
        {ok + "Content-Length: 2\r\n\r\nx", ended_within},
        {chunked("2\r\nx"), ended_within},
        {chunked("0\r\n"), ended_within},
    };
    for (const Row& row : rows) {
        INFO(row.stream);
        CHECK(read(row.stream) == Reading{{}, row.fault});
        CHECK_FALSE(to_string(row.fault).empty());
    }
}

TEST_CASE("a length of HTTP may be as large as it fits", "[apps][loadgen][http]") {
    HttpResponse response(false);
    const std::string head = ok + "Content-Length: 9223372036854775807\r\n\r\n" + std::string(10'000, 'x');
    std::string_view data(head);
    CHECK(response.take(data) == HttpStep::more);
    CHECK(data.empty());
    response.restart();
    const std::string chunk = chunked("7fffffffffffffff\r\n" + std::string(10'000, 'x'));
    data = chunk;
    CHECK(response.take(data) == HttpStep::more);
    CHECK(response.body_bytes() == 10'000);
}

TEST_CASE("what has no end is given up at its limit, and kept no longer than that", "[apps][loadgen][http][error]") {
    using enum HttpFault;
    struct Row {
        std::string begin;
        std::string repeated;
        std::size_t limit;
        HttpFault fault;
    };
    constexpr std::size_t head = HttpResponse::head_bytes_max;
    const std::vector<Row> rows{
        {"", "x", head, head_too_long},
        {ok, "x", head - ok.size(), head_too_long},
        {ok, "A: b\r\n", head - ok.size(), head_too_long},
        {"", "HTTP/1.1 100 Continue\r\n\r\n", head, head_too_long},
        {chunked(""), "1", HttpResponse::chunk_line_bytes_max, chunk_line_too_long},
        {chunked("1;"), "x", HttpResponse::chunk_line_bytes_max - 2, chunk_line_too_long},
        {chunked("0\r\n"), "A: b\r\n", head, trailer_too_long},
        {chunked("0\r\n"), "x", head, trailer_too_long},
    };
    for (const Row& row : rows) {
        INFO(row.begin << row.repeated);
        HttpResponse response(false);
        Reading reading;
        feed(response, row.begin, reading);
        CHECK(reading == Reading{});
        std::size_t bytes = 0;
        for (; reading.fault == none && bytes <= row.limit; bytes += row.repeated.size())
            feed(response, row.repeated, reading);
        CHECK(reading.fault == row.fault);
        CHECK(bytes >= row.limit);
    }
    // In one piece it is the same.
    CHECK(whole(ok + "A: " + std::string(head, 'b') + "\r\n\r\n").fault == head_too_long);
    const std::string longest = ok + "A: " + std::string(head - ok.size() - 7, 'b') + "\r\n\r\n";
    CHECK(longest.size() == head);
    CHECK(whole(longest) == Reading{{{200, 0, false}}});
    CHECK(whole(longest.substr(0, ok.size()) + "B" + longest.substr(ok.size())).fault == head_too_long);
}

TEST_CASE("after restart nothing is left of the answer that was under way", "[apps][loadgen][http]") {
    HttpResponse response(false);
    Reading reading;
    for (const std::string& begun : {std::string("HTTP/1."), ok + "Content-Length: 9\r\nConnection: cl",
                                     chunked("5\r\nhe"), std::string("no answer\r\n")}) {
        Reading dropped;
        feed(response, begun, dropped);
        response.restart();
        feed(response, ok + "Content-Length: 2\r\n\r\nab", reading);
    }
    CHECK(reading == Reading{std::vector<Answer>(4, {200, 2, true})});
}
