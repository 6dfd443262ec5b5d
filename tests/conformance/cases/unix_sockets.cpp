#include "slow_lane.hpp"

#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/net/unix_datagram.hpp>
#include <skerry/net/unix_listener.hpp>
#include <skerry/net/unix_stream.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/timeout.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;
using net::UnixAddr;
using net::UnixDatagram;
using net::UnixListener;
using net::UnixStream;

UnixAddr at(const std::string& path) {
    auto address = UnixAddr::from_pathname(path);
    REQUIRE(address);
    return *address;
}

sockaddr_un as_system(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path);
    return address;
}

struct UnixPair {
    UnixStream client;
    UnixStream server;
};

UnixPair make_pair() {
    auto ends = UnixStream::pair();
    REQUIRE(ends);
    return {std::move(ends->first), std::move(ends->second)};
}

TEST_CASE("a core without a slow lane has no Unix sockets, and says unsupported", "[net][unix]") {
    run([]() -> Task<> {
        if (has_slow_lane()) co_return;
        const auto nowhere = at("/tmp/nobody");
        CHECK(UnixListener::bind(nowhere).error() == Errc::unsupported);
        CHECK(UnixStream::pair().error() == Errc::unsupported);
        CHECK(UnixDatagram::bind(nowhere).error() == Errc::unsupported);
        CHECK(UnixDatagram::pair().error() == Errc::unsupported);
        auto stream = co_await UnixStream::connect(nowhere);
        CHECK(stream.error() == Errc::unsupported);
    });
}

TEST_CASE("a Unix stream connects by path, carries bytes both ways and tells who is there", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "socket");
        auto listener = UnixListener::bind(address);
        REQUIRE(listener);
        CHECK(listener->local_addr() == address);
        auto ends = co_await join(UnixStream::connect(address), listener->accept());
        auto& client = std::get<0>(ends);
        auto& server = std::get<1>(ends);
        REQUIRE(client);
        REQUIRE(server);
        CHECK(client->peer_addr() == address);
        CHECK(server->peer_addr()->is_unnamed());
        auto cred = server->peer_cred();
        REQUIRE(cred);
        CHECK(cred->uid == ::getuid());
        CHECK(cred->gid == ::getgid());
        CHECK(cred->pid == ::getpid());

        auto written = co_await client->write_all(bytes_of("there"));
        CHECK(written);
        auto there = co_await read_some(*server);
        CHECK(there == "there");
        written = co_await server->write_all(bytes_of("and back"));
        CHECK(written);
        CHECK(client->shutdown());
        CHECK(client->shutdown());
        auto rest = co_await read_all(*server);
        CHECK(rest.empty());
        auto back = co_await read_some(*client);
        CHECK(back == "and back");
        auto refused = co_await client->write(bytes_of("late"));
        CHECK(refused.error() == Errc::broken_pipe);
    });
}

TEST_CASE("an abstract name is bound without a file, and is free when its socket has gone", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const std::string name = "skerry-test-" + std::to_string(::getpid());
        auto address = UnixAddr::from_abstract_name(name);
        REQUIRE(address);
        for (int i = 0; i < 2; ++i) {
            auto listener = UnixListener::bind(*address);
            REQUIRE(listener);
            CHECK(UnixListener::bind(*address).error() == Errc::address_in_use);
            CHECK(listener->local_addr()->as_abstract_name() == name);
            auto ends = co_await join(UnixStream::connect(*address), listener->accept());
            CHECK(std::get<0>(ends));
            CHECK(std::get<1>(ends));
        }
        auto alone = co_await UnixStream::connect(*address);
        CHECK(alone.error() == Errc::connection_refused);
    });
}

TEST_CASE("a path that is too long is one precise error, and the longest works", "[net][unix][error]") {
    run([]() -> Task<> {
        const std::string longest(UnixAddr::name_bytes_max, 'x');
        CHECK(UnixAddr::from_pathname(longest));
        for (const auto& refused :
             {UnixAddr::from_pathname(longest + "x"), UnixAddr::from_abstract_name(longest + "x")}) {
            REQUIRE_FALSE(refused);
            CHECK(refused.error() == Errc::invalid_argument);
            CHECK(refused.error().os_error() == ENAMETOOLONG);
        }
        CHECK(UnixAddr().to_string() == "(unnamed)");
        CHECK(UnixAddr::from_pathname("/a/b")->to_string() == "/a/b");
        CHECK(UnixAddr::from_abstract_name("name")->to_string() == "@name");
        CHECK(UnixAddr::from_pathname("").error() == Errc::invalid_argument);
        CHECK(UnixAddr::from_pathname(std::string_view("a\0b", 3)).error() == Errc::invalid_argument);
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        std::string path = tree.root().string() + "/";
        path.append(UnixAddr::name_bytes_max - path.size(), 'y');
        auto listener = UnixListener::bind(at(path));
        REQUIRE(listener);
        CHECK(listener->local_addr()->as_pathname() == path);
        auto ends = co_await join(UnixStream::connect(at(path)), listener->accept());
        CHECK(std::get<0>(ends));
        auto name = UnixAddr::from_abstract_name(std::string(UnixAddr::name_bytes_max, 'z'));
        REQUIRE(name);
        CHECK(UnixListener::bind(*name));
    });
}

TEST_CASE("connecting where nobody listens, or to the wrong kind, says which", "[net][unix][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto nowhere = at(tree.root() / "nothing");
        auto missing = co_await UnixStream::connect(nowhere);
        CHECK(missing.error() == Errc::not_found);
        CHECK(UnixListener::bind(at(tree.root() / "no/folder")).error() == Errc::not_found);
        const auto address = at(tree.root() / "left");
        REQUIRE(UnixListener::bind(address));  // and dropped: the file stays
        auto left = co_await UnixStream::connect(address);
        CHECK(left.error() == Errc::connection_refused);
        CHECK(UnixListener::bind(address).error() == Errc::address_in_use);
        const auto datagrams = at(tree.root() / "datagrams");
        auto other_kind = UnixDatagram::bind(datagrams);
        REQUIRE(other_kind);
        auto wrong = co_await UnixStream::connect(datagrams);
        CHECK(wrong.error() == Errc::unsupported);
        auto unnamed = co_await UnixStream::connect(UnixAddr());
        CHECK(unnamed.error() == Errc::invalid_argument);
    });
}

TEST_CASE("a full listener makes who connects wait until there is room", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "socket");
        auto listener = UnixListener::bind(address, 0);
        REQUIRE(listener);
        auto first = co_await UnixStream::connect(address);
        REQUIRE(first);
        auto second = spawn(UnixStream::connect(address));
        co_await driver_turns(3);
        CHECK_FALSE(second.is_finished());
        auto accepted = co_await listener->accept();
        CHECK(accepted);
        auto connected = co_await second;
        REQUIRE(connected);
        CHECK(*connected);
    });
}

TEST_CASE("a megabyte through a Unix stream arrives whole, by buffers too", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [client, server] = make_pair();
        const auto sent = pattern(1U << 20U);
        auto echoing = spawn([](UnixStream stream) -> Task<Result<std::uint64_t>> {
            auto [reading, writing] = std::move(stream).into_split();
            auto moved = co_await io::copy(reading, writing);
            co_return moved;
        }(std::move(server)));
        auto [reading, writing] = std::move(client).into_split();
        auto sending = spawn([](net::UnixWriteHalf half, std::span<const std::byte> bytes) -> Task<bool> {
            auto written = co_await half.write_all(bytes);
            co_return written.has_value();
        }(std::move(writing), sent));
        auto back = co_await read_all(reading);
        CHECK(back == text_of(sent));
        auto written = co_await sending;
        CHECK(written);
        auto moved = co_await echoing;
        REQUIRE(moved);
        CHECK(*moved == sent.size());
    });
}

TEST_CASE("a read that loses a select loses no byte of a Unix stream", "[net][unix][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [client, server] = make_pair();
        std::string got;
        std::array<std::byte, 3> buffer;
        for (int i = 0; i < 200; ++i) {
            auto written = co_await client.write(bytes_of("ab"));
            REQUIRE(written == 2u);
            auto event = co_await select(server.read(buffer), driver_turns(static_cast<unsigned>(i) % 3));
            if (event.index() != 0) continue;
            REQUIRE(std::get<0>(event));
            got += text_of(std::span(buffer).first(*std::get<0>(event)));
        }
        REQUIRE(client.shutdown());
        got += co_await read_all(server);
        std::string all;
        for (int i = 0; i < 200; ++i) all += "ab";
        CHECK(got == all);
    });
}

TEST_CASE("cancelled accepts and connects lose no connection and no descriptor", "[net][unix][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "socket");
        auto listener = UnixListener::bind(address);
        REQUIRE(listener);
        const std::size_t before = open_descriptors();
        for (int i = 0; i < 1000; ++i) {
            auto event = co_await select_biased(listener->accept(), yield_now());
            REQUIRE(event.index() == 1);
        }
        {
            auto ends = co_await join(UnixStream::connect(address), listener->accept());
            CHECK(std::get<1>(ends));
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("without descriptors a Unix accept waits, and goes on when there is one", "[net][unix][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "socket");
        auto listener = UnixListener::bind(address);
        REQUIRE(listener);
        auto client = co_await UnixStream::connect(address);
        REQUIRE(client);
        auto accepting = spawn(listener->accept());
        {
            const tests::NoDescriptors none;
            CHECK(UnixStream::pair().error() == Errc::no_descriptors);
            auto other = co_await UnixStream::connect(address);
            CHECK(other.error() == Errc::no_descriptors);
            co_await driver_turns(5);
            CHECK_FALSE(accepting.is_finished());
        }
        auto accepted = co_await accepting;
        REQUIRE(accepted);
        CHECK(*accepted);
    });
}

TEST_CASE("a Unix peer that goes with bytes unread resets, and without ends", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [client, server] = make_pair();
        auto written = co_await client.write_all(bytes_of("unread"));
        REQUIRE(written);
        {
            auto gone = std::move(server);
        }
        auto text = co_await read_some(client);
        CHECK(text == "!connection_reset");
        text = co_await read_some(client);
        CHECK(text.empty());
        auto late = co_await client.write(bytes_of("x"));
        CHECK(late.error() == Errc::broken_pipe);
        CHECK(client.shutdown());
    });
}

TEST_CASE("a Unix peer whose path fills its address is answered", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        std::string path = tree.root().string() + "/";
        path.append(sizeof(sockaddr_un::sun_path) - path.size(), 'y');
        const sockaddr_un whole = as_system(path);
        const OwnedFd peer(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(peer.get(), reinterpret_cast<const sockaddr*>(&whole), sizeof whole) == 0);
        auto one = UnixDatagram::bind(at(tree.root() / "one"));
        REQUIRE(one);
        const sockaddr_un to = as_system(tree.root() / "one");
        REQUIRE(::sendto(peer.get(), "hi", 2, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 2);
        std::array<std::byte, 4> buffer;
        auto received = co_await one->recv_from(buffer);
        REQUIRE(received);
        auto sent = co_await one->send_to(bytes_of("you"), received->peer);
        CHECK(sent == 3u);
        CHECK(::recv(peer.get(), buffer.data(), buffer.size(), 0) == 3);
    });
}

TEST_CASE("who sent a Unix datagram before that was asked for is not made up", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = UnixDatagram::pair();
        REQUIRE(ends);
        auto sent = co_await ends->second.send(bytes_of("a"));
        REQUIRE(sent);
        REQUIRE(ends->first.set_passcred(true));
        sent = co_await ends->second.send(bytes_of("b"));
        REQUIRE(sent);
        std::array<std::byte, 4> buffer;
        auto before = co_await ends->first.recv_from(buffer);
        REQUIRE(before);
        CHECK_FALSE(before->sender);
        auto behind = co_await ends->first.recv_from(buffer);
        REQUIRE(behind);
        REQUIRE(behind->sender);
        CHECK(behind->sender->pid == ::getpid());
    });
}

TEST_CASE("Unix datagrams keep their bounds, name their sender and say what was cut off", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "one");
        auto one = UnixDatagram::bind(address);
        auto other = UnixDatagram::bind(at(tree.root() / "other"));
        REQUIRE(one);
        REQUIRE(other);
        auto sent = co_await other->send_to(bytes_of("hello"), address);
        CHECK(sent == 5u);
        sent = co_await other->send_to({}, address);
        CHECK(sent == 0u);
        std::array<std::byte, 4> buffer;
        auto received = co_await one->recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 4);
        CHECK(received->truncated);
        CHECK(received->peer == *other->local_addr());
        CHECK_FALSE(received->sender);
        received = co_await one->recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 0);

        REQUIRE(one->set_passcred(true));
        REQUIRE(other->connect(address));
        CHECK(other->peer_addr() == address);
        sent = co_await other->send(bytes_of("me"));
        CHECK(sent == 2u);
        received = co_await one->recv_from(buffer);
        REQUIRE(received);
        REQUIRE(received->sender);
        CHECK(received->sender->pid == ::getpid());
        CHECK(received->sender->uid == ::getuid());

        auto stranger = UnixDatagram::unbound();
        REQUIRE(stranger);
        auto lost = co_await stranger->send(bytes_of("x"));
        CHECK(lost.error() == Errc::not_connected);
        lost = co_await stranger->send_to(bytes_of("x"), at(tree.root() / "nobody"));
        CHECK(lost.error() == Errc::not_found);
        const std::vector<std::byte> huge(8U << 20U);
        lost = co_await stranger->send_to(huge, address);
        CHECK(lost.error() == Errc::message_too_long);
    });
}

TEST_CASE("a Unix datagram that is received without room for a byte is gone, and one that is not there is waited for",
          "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = UnixDatagram::pair();
        REQUIRE(ends);
        for (const char* const word : {"one", "2"}) (void)co_await ends->second.send(bytes_of(word));
        auto count = co_await ends->first.recv({});
        CHECK(count == 0u);
        std::array<std::byte, 8> data{};
        count = co_await ends->first.recv(data);
        CHECK(text_of(std::span(data).first(count.value())) == "2");
        auto event = co_await select_biased(ends->first.recv({}), yields(20));
        CHECK(event.index() == 1);
    });
}

TEST_CASE("who sends Unix datagrams waits while the receiver's queue is full, and loses none", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const auto address = at(tree.root() / "one");
        auto receiver = UnixDatagram::bind(address);
        REQUIRE(receiver);
        auto fixed = UnixDatagram::unbound();
        auto free = UnixDatagram::unbound();
        REQUIRE(fixed);
        REQUIRE(free);
        REQUIRE(fixed->connect(address));
        constexpr unsigned each = 600;  // more than any queue holds
        auto first = spawn([](UnixDatagram& socket) -> Task<> {
            for (unsigned i = 0; i < each; ++i) {
                auto sent = co_await socket.send(std::as_bytes(std::span(&i, 1)));
                REQUIRE(sent);
            }
        }(*fixed));
        auto second = spawn([](UnixDatagram& socket, UnixAddr to) -> Task<> {
            for (unsigned i = 0; i < each; ++i) {
                auto sent = co_await socket.send_to(std::as_bytes(std::span(&i, 1)), to);
                REQUIRE(sent);
            }
        }(*free, address));
        co_await driver_turns(5);
        CHECK_FALSE(first.is_finished());
        CHECK_FALSE(second.is_finished());
        std::uint64_t sum = 0;
        for (unsigned i = 0; i < 2 * each; ++i) {
            unsigned number = 0;
            auto count = co_await receiver->recv(std::as_writable_bytes(std::span(&number, 1)));
            REQUIRE(count == sizeof number);
            sum += number;
        }
        CHECK(sum == std::uint64_t{each} * (each - 1));
        auto over = co_await join(first, second);
        CHECK(std::get<0>(over));
        CHECK(std::get<1>(over));
    });
}

TEST_CASE("a peer whose queue is full does not hold up what goes to another", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        auto stalled = UnixDatagram::bind(at(tree.root() / "stalled"));
        auto other = UnixDatagram::bind(at(tree.root() / "other"));
        auto sender = UnixDatagram::unbound();
        REQUIRE(stalled);
        REQUIRE(other);
        REQUIRE(sender);
        REQUIRE(sender->connect(at(tree.root() / "stalled")));
        auto filling = spawn([](UnixDatagram& socket) -> Task<> {
            for (;;) {
                auto sent = co_await socket.send(bytes_of("x"));
                REQUIRE(sent);
            }
        }(*sender));
        co_await driver_turns(50);  // more than the queue holds
        CHECK_FALSE(filling.is_finished());
        auto sent = co_await select(sender->send_to(bytes_of("y"), at(tree.root() / "other")), patience());
        REQUIRE(sent.index() == 0);
        CHECK(std::get<0>(sent) == 1u);
        std::array<std::byte, 4> buffer;
        auto received = co_await other->recv(buffer);
        CHECK(received == 1u);
        filling.abort();
        auto ended = co_await filling;
        REQUIRE_FALSE(ended);
        CHECK(ended.error().is_cancelled());
    });
}

TEST_CASE("a Unix datagram that came before a connect stays, and is dropped with the peer before", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        auto socket = UnixDatagram::bind(at(tree.root() / "socket"));
        auto peer = UnixDatagram::bind(at(tree.root() / "peer"));
        auto stranger = UnixDatagram::unbound();
        REQUIRE(socket);
        REQUIRE(peer);
        REQUIRE(stranger);
        auto sent = co_await stranger->send_to(bytes_of("early"), at(tree.root() / "socket"));
        REQUIRE(sent);
        REQUIRE(socket->connect(at(tree.root() / "peer")));
        sent = co_await stranger->send_to(bytes_of("late"), at(tree.root() / "socket"));
        CHECK(sent.error() == Errc::permission_denied);
        sent = co_await peer->send_to(bytes_of("peer's"), at(tree.root() / "socket"));
        REQUIRE(sent);
        std::array<std::byte, 16> buffer;
        for (const std::string_view expected : {"early", "peer's"}) {
            auto count = co_await socket->recv(buffer);
            REQUIRE(count);
            CHECK(text_of(std::span(buffer).first(*count)) == expected);
        }

        sent = co_await peer->send_to(bytes_of("unread"), at(tree.root() / "socket"));
        REQUIRE(sent);
        auto next = UnixDatagram::bind(at(tree.root() / "next"));
        REQUIRE(next);
        REQUIRE(socket->connect(at(tree.root() / "next")));
        sent = co_await next->send_to(bytes_of("next"), at(tree.root() / "socket"));
        REQUIRE(sent);
        auto count = co_await socket->recv(buffer);
        REQUIRE(count);
        CHECK(text_of(std::span(buffer).first(*count)) == "next");
    });
}

/// Sends a byte and as many copies of standard input with it.
void send_descriptors(int fd, std::size_t count) {
    char byte = 'x';
    iovec piece{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(count * sizeof(int));  // all zero: standard input
    REQUIRE(::sendmsg(fd, &message, 0) == 1);
}

TEST_CASE("descriptors that come along with a Unix datagram are not taken in", "[net][unix]") {
    const bool tells_sender = GENERATE(false, true);
    const std::size_t count = GENERATE(1U, 4U, 8U);
    run([&]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = UnixDatagram::pair();
        REQUIRE(ends);
        REQUIRE(ends->first.set_passcred(tells_sender));
        const std::size_t before = open_descriptors();
        send_descriptors(ends->second.async_fd().fd(), count);
        std::array<std::byte, 4> buffer;
        auto received = co_await ends->first.recv_from(buffer);
        REQUIRE(received);
        CHECK(received->bytes == 1);
        CHECK(received->sender.has_value() == tells_sender);
        CHECK(open_descriptors() == before);
        send_descriptors(ends->second.async_fd().fd(), count);
        auto bytes = co_await ends->first.recv(buffer);
        CHECK(bytes == 1u);
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("descriptors that come along with the bytes of a Unix stream are not taken in", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto pair = make_pair();
        const std::size_t before = open_descriptors();
        send_descriptors(pair.client.async_fd().fd(), 4);
        auto text = co_await read_some(pair.server);
        CHECK(text == "x");
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("who sends is told to a receive that waited when that was asked for", "[net][unix]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = UnixDatagram::pair();
        REQUIRE(ends);
        std::array<std::byte, 4> buffer;
        auto waiting = spawn(ends->first.recv_from(buffer));
        co_await driver_turns(2);
        REQUIRE(ends->first.set_passcred(true));
        auto sent = co_await ends->second.send(bytes_of("x"));
        REQUIRE(sent);
        auto ended = co_await waiting;
        REQUIRE(ended);
        REQUIRE(*ended);
        REQUIRE((*ended)->sender);
        CHECK((*ended)->sender->pid == ::getpid());
    });
}

}  // namespace
}  // namespace skerry::conformance
