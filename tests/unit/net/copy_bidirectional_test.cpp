#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/io/copy_bidirectional.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Pair connect(testing::Runtime& rt, std::uint16_t port) {
    auto listener = net::TcpListener::bind({net::IpAddr::v4(198, 18, 0, 9), port});
    REQUIRE(listener);
    auto [client, server] = rt.run(join(net::TcpStream::connect(listener->local_addr()), listener->accept()));
    REQUIRE(client);
    REQUIRE(server);
    return {std::move(*client), std::move(*server)};
}

// A client and a service, and between them a proxy with one end of each connection.
struct Proxy {
    explicit Proxy(testing::Runtime& runtime) : rt(runtime), to_client(connect(rt, 80)), to_service(connect(rt, 81)) {}

    testing::Runtime& rt;
    Pair to_client;
    Pair to_service;

    [[nodiscard]] net::TcpStream& client() { return to_client.client; }
    [[nodiscard]] net::TcpStream& service() { return to_service.server; }
    [[nodiscard]] auto start() { return rt.start(io::copy_bidirectional(to_client.server, to_service.client)); }
};

Task<> write_and_shut(net::TcpStream& to, std::string_view text) {
    auto written = co_await to.write_all(std::as_bytes(std::span(text)));
    REQUIRE(written);
    REQUIRE(to.shutdown());
}

Task<std::string> read_all(net::TcpStream& from) {
    std::string text;
    std::array<std::byte, 64> buffer;
    for (;;) {
        auto count = co_await from.read(buffer);
        if (!count) co_return text + "!" + std::string(to_string(count.error().code()));
        if (*count == 0) co_return text;
        text.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
}

TEST_CASE("copy_bidirectional moves both ways and hands each end of stream on", "[net][io]") {
    testing::Runtime rt;
    Proxy proxy(rt);
    auto copying = proxy.start();
    rt.run(write_and_shut(proxy.client(), "a question"));
    CHECK(rt.run(read_all(proxy.service())) == "a question");
    CHECK_FALSE(copying.is_done());  // the other way is open still
    rt.run(write_and_shut(proxy.service(), "and its answer"));
    CHECK(rt.run(read_all(proxy.client())) == "and its answer");
    auto copied = rt.finish(std::move(copying));
    REQUIRE(copied);
    CHECK(copied->first_to_second == 10);
    CHECK(copied->second_to_first == 14);
}

TEST_CASE("copy_bidirectional ends with the error of the way that fails", "[net][io]") {
    for (const bool client_fails : {true, false}) {
        testing::Runtime rt;
        Proxy proxy(rt);
        auto copying = proxy.start();
        rt.run([]() -> Task<> { co_return; });
        auto& gone = client_fails ? proxy.client() : proxy.service();
        rt.network().reset(rt.network().connection_of(gone));
        auto copied = rt.finish(std::move(copying));
        CHECK(copied == Errc::connection_reset);
    }
}

TEST_CASE("copy_bidirectional that is given up leaves both streams to the caller", "[net][io]") {
    testing::Runtime rt;
    Proxy proxy(rt);
    auto copying = proxy.start();
    rt.run([]() -> Task<> { co_return; });
    copying.cancel();
    rt.run(write_and_shut(proxy.client(), "later"));
    CHECK(rt.run(read_all(proxy.to_client.server)) == "later");
}

}  // namespace
}  // namespace skerry
