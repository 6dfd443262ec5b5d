#include "loadgen/protocol/http.hpp"

#include "support/catch.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace {

using namespace skerry::loadgen;

HttpSettings settings(const std::function<void(HttpSettings&)>& change = [](HttpSettings&) {}) {
    HttpSettings settings;
    settings.host = "a:1";
    change(settings);
    return settings;
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("a request of HTTP says what was asked for", "[apps][loadgen][http]") {
    CHECK(request_text(settings()) == "GET / HTTP/1.1\r\nHost: a:1\r\n\r\n");
    CHECK(request_text(settings([](auto& http) {
              http.path = "/x?y=1";
              http.headers = {"Accept: */*", "hOST: other"};
          })) == "GET /x?y=1 HTTP/1.1\r\nAccept: */*\r\nhOST: other\r\n\r\n");
    CHECK(request_text(settings([](auto& http) {
              http.method = "POST";
              http.body_bytes = 3;
          })) == "POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nxxx");
    CHECK(request_text(settings([](auto& http) { http.method = "PUT"; })).find("Content-Length: 0\r\n") !=
          std::string::npos);
}

TEST_CASE("a request that could not be made is refused with what is accepted", "[apps][loadgen][http][error]") {
    struct Row {
        std::function<void(HttpSettings&)> change;
        std::string_view words;
    };
    const Row rows[] = {
        {[](auto& http) { http.path = "x"; }, "begins with /"},
        {[](auto& http) { http.path = "*"; }, "begins with /"},
        {[](auto& http) { http.path = "/a b"; }, "%20"},
        {[](auto& http) { http.path = "/a\r\nX: y"; }, "%20"},
        {[](auto& http) { http.path = "/a#b"; }, "%23"},
        {[](auto& http) { http.path = "/\xc3\xa4"; }, "non-ASCII"},
        {[](auto& http) { http.method = ""; }, "not a method"},
        {[](auto& http) { http.method = "GET /"; }, "not a method"},
        {[](auto& http) { http.method = "CONNECT"; }, "no HTTP any more"},
        {[](auto& http) { http.headers = {"Accept"}; }, "'Name: value'"},
        {[](auto& http) { http.headers = {": x"}; }, "'Name: value'"},
        {[](auto& http) { http.headers = {"A b: x"}; }, "'Name: value'"},
        {[](auto& http) { http.headers = {"A: x", "B: x\r\nC: y"}; }, "control character"},
        {[](auto& http) { http.headers = {"content-LENGTH: 5"}; }, "--body-bytes"},
        {[](auto& http) { http.headers = {"Transfer-Encoding: chunked"}; }, "--body-bytes"},
    };
    for (const Row& row : rows) {
        const std::string refusal = settings(row.change).refusal();
        INFO(refusal);
        CHECK(refusal.find(row.words) != std::string::npos);
        CHECK(refusal.starts_with("--"));
        CHECK(refusal.find_first_of("\r\n") == std::string::npos);
    }
    CHECK(settings().refusal().empty());
    CHECK(settings([](auto& http) {
              http.method = "OPTIONS";
              http.path = "*";
          })
              .refusal()
              .empty());
}

TEST_CASE("only what may be asked twice is asked again", "[apps][loadgen][http]") {
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
        CHECK(settings([&](auto& http) { http.method = method; }).is_idempotent());
    for (const char* method : {"POST", "PATCH", "get", "PROPPATCH"})
        CHECK_FALSE(settings([&](auto& http) { http.method = method; }).is_idempotent());
}

TEST_CASE("requests of HTTP lie one behind the other, and one that is long alone", "[apps][loadgen][http]") {
    const HttpSettings small = settings();
    const HttpRequests requests(small);
    const std::string one = request_text(small);
    CHECK(requests.count_max() == 32'768 / one.size());
    CHECK(text_of(requests.bytes(3)) == one + one + one);
    const HttpRequests large(settings([](auto& http) { http.body_bytes = 100'000; }));
    CHECK(large.count_max() == 1);
    CHECK(large.bytes(1).size() == large.request_bytes());
}

TEST_CASE("a status that was not asked for is a refusal", "[apps][loadgen][http]") {
    struct Row {
        std::optional<unsigned> wanted;
        std::string_view status;
        Taken taken;
    };
    const Row rows[] = {
        {std::nullopt, "200", Taken::answer},  {std::nullopt, "299", Taken::answer},
        {std::nullopt, "301", Taken::refusal}, {std::nullopt, "404", Taken::refusal},
        {std::nullopt, "500", Taken::refusal}, {304, "304", Taken::answer},
        {304, "200", Taken::refusal},
    };
    for (const Row& row : rows) {
        const HttpSettings all = settings([&](auto& http) { http.status = row.wanted; });
        const HttpRequests requests(all);
        Http http(all, requests);
        const std::string answer = "HTTP/1.1 " + std::string(row.status) + " X\r\nContent-Length: 0\r\n\r\n";
        const std::string stream = answer + "HTTP/1.1 2";
        auto data = bytes_of(stream);
        CHECK(http.take(data, 0) == row.taken);
        CHECK(http.complaint() == "status " + std::string(row.status));
        CHECK(http.take(data, 1) == Taken::more);
        CHECK(data.empty());
        CHECK(http.take_end() == Taken::broken);
        CHECK(http.complaint() == to_string(HttpFault::ended_within));
    }
}
