#include "fixture.hpp"

#include <skerry/task/spawn.hpp>

#include <filesystem>

namespace skerry::conformance {
namespace {

TEST_CASE("what a client writes is echoed back to it", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto echo = spawn([](net::TcpListener& from) -> Task<> {
            auto stream = co_await from.accept();
            REQUIRE(stream);
            auto text = co_await read_some(*stream);
            auto written = co_await stream->write_all(bytes_of(text));
            REQUIRE(written);
        }(listener));
        auto stream = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(stream);
        auto written = co_await stream->write_all(bytes_of("hello"));
        REQUIRE(written);
        auto answer = co_await read_all(*stream);
        CHECK(answer == "hello");
        auto outcome = co_await echo;
        CHECK(outcome);
    });
}

TEST_CASE("both ends of a connection know both addresses", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto pair = co_await connect_to(listener);
        CHECK(pair.client.peer_addr() == listener.local_addr());
        CHECK(pair.server.local_addr().value() == listener.local_addr());
        CHECK(pair.client.local_addr().value() == pair.server.peer_addr());
        CHECK(pair.server.peer_addr().ip() == own_ip);
    });
}

TEST_CASE("a connect to a port where nobody listens is refused", "[net][tcp]") {
    run([]() -> Task<> {
        net::SocketAddr gone;
        {
            auto listener = listen();
            gone = listener.local_addr();
        }
        auto stream = co_await net::TcpStream::connect(gone);
        REQUIRE_FALSE(stream);
        CHECK(stream.error() == Errc::connection_refused);
    });
}

TEST_CASE("a second listener on the same address finds it in use", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto second = net::TcpListener::bind(listener.local_addr());
        REQUIRE_FALSE(second);
        CHECK(second.error() == Errc::address_in_use);
        co_return;
    });
}

TEST_CASE("the address of a dropped listener can be bound again", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        const net::SocketAddr address = listener.local_addr();
        auto pair = co_await connect_to(listener);
        listener = listen();
        auto again = net::TcpListener::bind(address);
        CHECK(again);
    });
}

TEST_CASE("a listener cannot be bound to an address of another machine", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4(192, 0, 2, 1), 0));
        REQUIRE(listener.has_value() == has_every_address);
        if (listener) co_return;
        CHECK(listener.error() == Errc::address_not_available);
    });
}

TEST_CASE("port 0 gives each listener a port of its own", "[net][tcp]") {
    run([]() -> Task<> {
        auto one = listen();
        auto other = listen();
        CHECK(one.local_addr().ip() == own_ip);
        CHECK(one.local_addr().port() != 0);
        CHECK(other.local_addr().port() != 0);
        CHECK(one.local_addr() != other.local_addr());
        co_return;
    });
}

TEST_CASE("a dropped listener resets the connections that were not accepted", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        auto stream = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(stream);
        {
            const auto dropped = std::move(listener);
        }
        auto text = co_await read_all(*stream);
        CHECK(text == "!connection_reset");
    });
}

TEST_CASE("connections are accepted in the order in which they came", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        std::vector<net::TcpStream> clients;
        for (int i = 0; i < 10; ++i) {
            auto stream = co_await net::TcpStream::connect(listener.local_addr());
            REQUIRE(stream);
            clients.push_back(std::move(*stream));
        }
        for (auto& client : clients) {
            auto accepted = co_await listener.accept();
            REQUIRE(accepted);
            CHECK(accepted->peer_addr() == client.local_addr().value());
        }
    });
}

TEST_CASE("a connection that was reset before it was accepted fails no accept", "[net][tcp]") {
    run([]() -> Task<> {
        auto listener = listen();
        {
            auto dead = co_await net::TcpStream::connect(listener.local_addr());
            REQUIRE(dead);
            REQUIRE(dead->set_linger(std::chrono::seconds{0}));
        }
        co_await settled();
        auto alive = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(alive);
        auto written = co_await alive->write_all(bytes_of("alive"));
        REQUIRE(written);
        for (int dead = 0;; ++dead) {  // a kernel may hand out the dead one first
            REQUIRE(dead <= 1);
            auto accepted = co_await listener.accept();
            REQUIRE(accepted);
            auto text = co_await read_some(*accepted);
            if (text == "alive") break;
            CHECK(text == "!connection_reset");
        }
    });
}

TEST_CASE("cancelled connects leave no descriptor open", "[net][tcp][cancel]") {
    const auto open_descriptors = [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    run([&open_descriptors]() -> Task<> {
        auto listener = listen();
        const auto before = open_descriptors();
        for (int i = 0; i < 200; ++i) {
            auto event = co_await select_biased(net::TcpStream::connect(listener.local_addr()), yields(0));
            REQUIRE(event.index() == 1);
        }
        CHECK(open_descriptors() == before);
    });
}

}  // namespace
}  // namespace skerry::conformance
