#include "fixture.hpp"

#include <skerry/io/copy_bidirectional.hpp>
#include <skerry/task/spawn.hpp>

namespace skerry::conformance {
namespace {

/// Enough that a copy goes over to its way for much, and comes back from it.
constexpr std::size_t much = 6U << 20U;

/// A client, a service, and a proxy between them that has one end of each connection.
struct Proxy {
    Pair client;
    Pair service;
};

Task<Proxy> make_proxy() {
    auto client = co_await connect_pair();
    auto service = co_await connect_pair();
    co_return Proxy{std::move(client), std::move(service)};
}

TEST_CASE("copy_bidirectional carries much both ways at once", "[net][io][copy]") {
    run([]() -> Task<> {
        auto proxy = co_await make_proxy();
        auto copying = spawn(io::copy_bidirectional(proxy.client.server, proxy.service.client));
        const auto question = pattern(much, 1);
        const auto answer = pattern(much + 1, 2);
        auto asking = spawn(write_and_end(proxy.client.client, question));
        auto answering = spawn(write_and_end(proxy.service.server, answer));
        auto heard = spawn(read_slowly(proxy.client.client, 1));
        const auto came = co_await read_slowly(proxy.service.server, 3);
        CHECK((came == question));
        auto told = co_await heard;
        REQUIRE(told);
        CHECK((*told == answer));
        auto copied = co_await copying;
        REQUIRE(copied);
        REQUIRE(*copied);
        CHECK((*copied)->first_to_second == question.size());
        CHECK((*copied)->second_to_first == answer.size());
        auto asking_outcome = co_await asking;
        CHECK(asking_outcome);
        auto answering_outcome = co_await answering;
        CHECK(answering_outcome);
    });
}

TEST_CASE("copy carries much between halves of streams, and small messages behind it", "[net][io][copy]") {
    run([]() -> Task<> {
        auto proxy = co_await make_proxy();
        auto [reader, other_writer] = std::move(proxy.client.server).into_split();
        auto [other_reader, writer] = std::move(proxy.service.client).into_split();
        auto copying = spawn(io::copy(reader, writer));
        const auto sent = pattern(much);
        auto sending = spawn(write_whole(proxy.client.client, sent));
        std::vector<std::byte> came(sent.size());
        auto filled = co_await proxy.service.server.read_exact(came);
        REQUIRE(filled);
        CHECK((came == sent));
        auto sending_outcome = co_await sending;
        CHECK(sending_outcome);
        for (const std::string text : {"a", "few", "words"}) {
            co_await write_whole(proxy.client.client, bytes_of(text));
            std::vector<std::byte> word(text.size());
            auto heard = co_await proxy.service.server.read_exact(word);
            REQUIRE(heard);
            CHECK(text_of(word) == text);
        }
        REQUIRE(proxy.client.client.shutdown());
        auto copied = co_await copying;
        REQUIRE(copied);
        CHECK(*copied == sent.size() + 9);
    });
}

Task<> write_until_refused(net::TcpStream& stream) {
    const auto part = pattern(1U << 20U);
    for (;;) {
        auto written = co_await stream.write_all(part);
        if (!written) co_return;
    }
}

/// Enough that a copy is in the middle of much, and no more: it comes to wait for room.
Task<> take_some(net::TcpStream& stream) {
    std::vector<std::byte> some(1U << 20U);
    auto filled = co_await stream.read_exact(some);
    REQUIRE(filled);
}

/// Copies until the receiver resets in the middle of much; what the copy ends with. Behind its end of stream a write
/// would raise SIGPIPE, which ends programs.
Task<Error> error_of_copy_into_reset(bool is_behind_end) {
    auto proxy = co_await make_proxy();
    auto copying = spawn(io::copy(proxy.client.server, proxy.service.client));
    auto sending = spawn(write_until_refused(proxy.client.client));
    co_await take_some(proxy.service.server);
    if (is_behind_end) {
        REQUIRE(proxy.service.server.shutdown());
        co_await settled();
    }
    {
        const net::TcpStream dropped = std::move(proxy.service.server);
    }  // with unread data: a reset
    auto copied = co_await copying;
    REQUIRE(copied);
    REQUIRE_FALSE(*copied);
    const Error why = copied->error();
    {
        const net::TcpStream dropped = std::move(proxy.client.server);
    }
    auto sent = co_await sending;
    CHECK(sent);
    co_return why;
}

TEST_CASE("a copy of much ends with an error when who receives it resets", "[net][io][copy]") {
    for (const bool is_behind_end : {false, true}) {
        run([is_behind_end]() -> Task<> {
            const Error why = co_await error_of_copy_into_reset(is_behind_end);
            CHECK((why == Errc::connection_reset || why == Errc::broken_pipe));
        });
    }
}

TEST_CASE("a copy of much that is given up leaves both streams open", "[net][io][copy][cancel]") {
    run([]() -> Task<> {
        auto proxy = co_await make_proxy();
        auto copying = spawn(io::copy(proxy.client.server, proxy.service.client));
        auto sending = spawn(write_until_refused(proxy.client.client));
        co_await take_some(proxy.service.server);
        co_await polls(20);
        copying.abort();
        auto aborted = co_await copying;
        CHECK_FALSE(aborted);
        sending.abort();
        (void)co_await sending;
        // What was in between may be lost; the streams are sound.
        auto written = co_await proxy.client.server.write_all(bytes_of("still here"));
        REQUIRE(written);
        const std::string heard = co_await read_some(proxy.client.client);
        CHECK(heard == "still here");
        auto ending = spawn(write_and_end(proxy.service.client, bytes_of("the end")));
        const std::string rest = co_await read_all(proxy.service.server);
        CHECK(rest.ends_with("the end"));
        auto ended = co_await ending;
        CHECK(ended);
    });
}

}  // namespace
}  // namespace skerry::conformance
