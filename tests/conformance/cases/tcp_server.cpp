#include "fixture.hpp"

#include <skerry/net/tcp_server.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;

Task<> echo(net::TcpStream stream) {
    auto text = co_await read_some(stream);
    auto written = co_await stream.write_all(bytes_of(text));
    REQUIRE(written);
}

/// Counts those that live.
Task<> stay(net::TcpStream stream, int* alive) {
    struct Guard {
        int* count;
        explicit Guard(int* c) noexcept : count(c) { ++*count; }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { --*count; }
    };
    const Guard guard(alive);
    auto text = co_await read_all(stream);
    (void)text;
}

net::TcpServer bind_server() {
    auto server = net::TcpServer::bind(any_port);
    REQUIRE(server);
    return std::move(*server);
}

TEST_CASE("a server runs its handler for each connection and ends after the last one", "[net][tcp][server]") {
    run([]() -> Task<> {
        auto server = bind_server();
        const net::SocketAddr address = server.local_addr();
        const CancellationToken stop;
        auto serving = spawn(std::move(server).serve(stop, &echo));
        std::vector<net::TcpStream> clients;
        for (int i = 0; i < 20; ++i) {
            auto client = co_await net::TcpStream::connect(address);
            REQUIRE(client);
            clients.push_back(std::move(*client));
        }
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const std::string text = std::to_string(i);
            auto written = co_await clients[i].write_all(bytes_of(text));
            REQUIRE(written);
            if (i == clients.size() / 2) stop.cancel();  // what was accepted is served to its end
            auto answer = co_await read_all(clients[i]);
            CHECK(answer == text);
        }
        auto outcome = co_await serving;
        REQUIRE(outcome);
        CHECK(*outcome);
        auto late = co_await net::TcpStream::connect(address);
        REQUIRE_FALSE(late);
        CHECK(late.error() == Errc::connection_refused);
    });
}

TEST_CASE("a server that is given up aborts its handlers", "[net][tcp][server][cancel]") {
    run([]() -> Task<> {
        auto server = bind_server();
        const net::SocketAddr address = server.local_addr();
        const CancellationToken stop;
        int alive = 0;
        auto serving = spawn(std::move(server).serve(stop, &stay, &alive));
        auto client = co_await net::TcpStream::connect(address);
        REQUIRE(client);
        while (alive == 0) co_await yield_now();
        stop.cancel();
        auto drained = co_await time::timeout(1ms, serving);  // the client stays, so the handler does
        REQUIRE_FALSE(drained);
        CHECK(alive == 1);
        auto late = co_await net::TcpStream::connect(address);
        REQUIRE_FALSE(late);
        CHECK(late.error() == Errc::connection_refused);
        serving.abort();
        auto text = co_await read_all(*client);
        CHECK(text.empty());
        CHECK(alive == 0);
        auto outcome = co_await serving;
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().is_cancelled());
    });
}

TEST_CASE("serve_listener that loses a select aborts the connections of its core", "[net][tcp][server][cancel]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto client = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(client);
        int alive = 0;
        auto event = co_await select(net::serve_listener(std::move(listener), CancellationToken(), &stay, &alive),
                                     [](const int& count) -> Task<> {
                                         while (count == 0) co_await yield_now();
                                     }(alive));
        CHECK(event.index() == 1);
        auto text = co_await read_all(*client);
        CHECK(text.empty());
        CHECK(alive == 0);
    });
}

TEST_CASE("a handler that throws ends its own connection only", "[net][tcp][server]") {
    run([]() -> Task<> {
        auto server = bind_server();
        const net::SocketAddr address = server.local_addr();
        const CancellationToken stop;
        auto serving = spawn(std::move(server).serve(stop, [](net::TcpStream stream) -> Task<> {
            auto text = co_await read_some(stream);
            if (text == "throw") throw std::runtime_error("on purpose");
            auto written = co_await stream.write_all(bytes_of(text));
            REQUIRE(written);
        }));
        for (const char* text : {"throw", "fine"}) {
            auto client = co_await net::TcpStream::connect(address);
            REQUIRE(client);
            auto written = co_await client->write_all(bytes_of(text));
            REQUIRE(written);
            auto answer = co_await read_all(*client);
            CHECK(answer == (std::string_view(text) == "throw" ? "" : text));
        }
        stop.cancel();
        auto outcome = co_await serving;
        REQUIRE(outcome);
        CHECK(*outcome);
    });
}

/// Throws before there is a task, once.
struct ThrowsFirst {
    bool* has_thrown;
    Task<> operator()(net::TcpStream stream) const {
        if (!std::exchange(*has_thrown, true)) throw std::runtime_error("on purpose");
        return echo(std::move(stream));
    }
};

TEST_CASE("a handler that cannot even be started costs its own connection only, and is counted", "[net][tcp][server]") {
    run([]() -> Task<> {
        auto server = bind_server();
        const net::SocketAddr address = server.local_addr();
        const CancellationToken stop;
        const auto& unhandled = task::current_scheduler->counters().unhandled_exceptions;
        const std::uint64_t before = unhandled.load();
        bool has_thrown = false;
        auto serving = spawn(std::move(server).serve(stop, ThrowsFirst{&has_thrown}));
        for (const char* answer_due : {"", "second"}) {
            auto client = co_await net::TcpStream::connect(address);
            REQUIRE(client);
            auto written = co_await client->write_all(bytes_of("second"));
            REQUIRE(written);
            auto answer = co_await read_all(*client);
            // The first one's stream was dropped, before or after what we wrote had come: the end, or a reset.
            CHECK((answer == answer_due || (*answer_due == '\0' && answer == "!connection_reset")));
        }
        CHECK(has_thrown);
        CHECK(unhandled.load() == before + 1);
        stop.cancel();
        auto outcome = co_await serving;
        REQUIRE(outcome);
        CHECK(*outcome);
    });
}

TEST_CASE("a server finds an address in use that a listener has", "[net][tcp][server]") {
    run([]() -> Task<> {
        net::ListenOptions shared;
        shared.reuse_port = true;
        for (const net::ListenOptions& options : {net::ListenOptions{}, shared}) {
            auto taken = net::TcpListener::bind(any_port, options);
            REQUIRE(taken);
            auto server = net::TcpServer::bind(taken->local_addr());
            REQUIRE_FALSE(server);
            CHECK(server.error() == Errc::address_in_use);
        }
        co_return;
    });
}

}  // namespace
}  // namespace skerry::conformance
