// ctest: TIMEOUT 120
// Many connections that answer in one turn. Where their answers are handed to the kernel together, each of them is
// still what its own task wrote, and who gives up is not sent from.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/kernel_sockets.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/timeout.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using tests::any_port;
using tests::connect;
using tests::Connection;
using tests::driver_turns;
using tests::on_each_driver;

constexpr std::size_t many = 40;

using Bytes = std::vector<std::byte>;

/// What connection `number` says in `round`, told apart from all else.
Bytes words_of(std::size_t number, std::size_t round, std::size_t bytes) {
    Bytes words(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
        words[i] = static_cast<std::byte>(number * 131 + round * 17 + i * 7 + i / 251);
    return words;
}

/// What each connection says in `round`.
std::vector<Bytes> words_of_each(std::size_t round, std::size_t bytes) {
    std::vector<Bytes> words;
    for (std::size_t i = 0; i < many; ++i) words.push_back(words_of(i, round, bytes));
    return words;
}

Task<std::vector<Connection>> connect_many() {
    auto listener = net::TcpListener::bind(any_port);
    REQUIRE(listener);
    std::vector<Connection> connections;
    for (std::size_t i = 0; i < many; ++i) connections.push_back(co_await connect(*listener));
    co_return connections;
}

Task<> answer_all(net::TcpStream& stream) {
    for (;;) {
        auto came = co_await stream.read_buf();
        if (!came || came->empty()) co_return;
        auto written = co_await stream.write_buf(std::move(*came));
        if (!written) co_return;
    }
}

Task<Bytes> read_bytes(net::TcpStream& stream, std::size_t bytes) {
    Bytes came(bytes);
    auto read = co_await stream.read_exact(came);
    REQUIRE(read);
    co_return came;
}

Task<> say(net::TcpStream& stream, Bytes words) {
    auto written = co_await stream.write_all(words);
    REQUIRE(written);
}

TEST_CASE("what many connections answer in one turn reaches each its own peer", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        auto connections = co_await connect_many();
        std::vector<JoinHandle<void>> servers;
        for (auto& each : connections) servers.push_back(spawn(answer_all(each.server)));
        // The last is more than the kernel takes at once.
        for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{20'000}, std::size_t{3'000'000}}) {
            CAPTURE(bytes);
            std::vector<JoinHandle<void>> clients;
            for (std::size_t i = 0; i < many; ++i)
                clients.push_back(spawn(say(connections[i].client, words_of(i, bytes, bytes))));
            for (std::size_t i = 0; i < many; ++i) {
                CAPTURE(i);
                const Bytes came = co_await read_bytes(connections[i].client, bytes);
                CHECK(came == words_of(i, bytes, bytes));
            }
            for (auto& each : clients) (void)co_await std::move(each);
        }
        for (auto& server : servers) server.abort();
        for (auto& server : servers) (void)co_await std::move(server);
    });
}

/// Begins an answer when asked, and notes what became of it.
Task<> answer_once(net::TcpStream& stream, Bytes& answer, Errc& outcome) {
    auto asked = co_await stream.read_buf();
    REQUIRE(asked);
    auto written = co_await stream.write_all(answer);
    outcome = written ? Errc::ok : written.error().code();
}

/// Has each server begin its answer when it is asked, and asks them all.
Task<std::vector<JoinHandle<void>>> ask_all(std::vector<Connection>& connections, std::vector<Bytes>& answers,
                                            std::vector<Errc>& outcomes) {
    std::vector<JoinHandle<void>> servers;
    for (std::size_t i = 0; i < many; ++i)
        servers.push_back(spawn(answer_once(connections[i].server, answers[i], outcomes[i])));
    co_await driver_turns(2);
    for (auto& each : connections) co_await say(each.client, Bytes(1));
    co_return servers;
}

/// In each turn, until the first has answered.
Task<> give_up_half(std::vector<JoinHandle<void>>& servers, std::vector<Bytes>& answers, std::vector<Errc>& outcomes) {
    while (outcomes.front() == Errc::timed_out) {
        for (std::size_t i = 1; i < many; i += 2) {
            servers[i].abort();
            std::fill(answers[i].begin(), answers[i].end(), std::byte{0});
        }
        co_await yield_now();
    }
}

TEST_CASE("an answer that is given up in its turn is not sent from its memory any more", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        auto connections = co_await connect_many();
        std::vector<Bytes> answers = words_of_each(1, 3000);
        std::vector<Errc> outcomes(many, Errc::timed_out);
        auto servers = co_await ask_all(connections, answers, outcomes);
        // Every second one is ended by a task that runs behind all that begin to answer.
        JoinHandle<void> last = spawn(give_up_half(servers, answers, outcomes));
        for (std::size_t i = 0; i < many; ++i) {
            auto ended = co_await std::move(servers[i]);
            CAPTURE(i);
            if (i % 2 != 0) continue;
            CHECK(ended);
            CHECK(outcomes[i] == Errc::ok);
            const Bytes came = co_await read_bytes(connections[i].client, 3000);
            CHECK(came == words_of(i, 1, 3000));
        }
        (void)co_await std::move(last);
        // Of the others came nothing, or what they meant to say.
        for (std::size_t i = 1; i < many; i += 2) {
            CAPTURE(i);
            REQUIRE(connections[i].server.shutdown());
            Bytes came;
            for (;;) {
                Bytes some(4000);
                auto count = co_await connections[i].client.read(some);
                if (!count || *count == 0) break;
                came.insert(came.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(*count));
            }
            const Bytes meant = words_of(i, 1, 3000);
            CHECK(came.size() <= meant.size());
            CHECK(std::equal(came.begin(), came.end(), meant.begin()));
        }
    });
}

/// Answers as a part of a larger program, which ends the direction as soon as the answer is under way.
Task<> answer_and_end(net::TcpStream& stream, const Bytes& answer, bool& is_written) {
    auto asked = co_await stream.read_buf();
    REQUIRE(asked);
    bool has_begun = false;
    const auto write = [](net::TcpStream& to, const Bytes& what, bool& begun, bool& done) -> Task<> {
        begun = true;
        auto written = co_await to.write_all(what);
        done = written.has_value();
    };
    auto writing = spawn(write(stream, answer, has_begun, is_written));
    while (!has_begun) co_await yield_now();
    REQUIRE(stream.shutdown());
    (void)co_await std::move(writing);
}

TEST_CASE("the end of a direction comes behind what was to be sent with others", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        auto connections = co_await connect_many();
        std::vector<Bytes> answers = words_of_each(3, 700);
        std::deque<bool> are_written(many, false);
        std::vector<JoinHandle<void>> servers;
        for (std::size_t i = 0; i < many; ++i)
            servers.push_back(spawn(answer_and_end(connections[i].server, answers[i], are_written[i])));
        co_await driver_turns(2);
        for (auto& each : connections) co_await say(each.client, Bytes(1));
        for (std::size_t i = 0; i < many; ++i) {
            CAPTURE(i);
            const Bytes came = co_await read_bytes(connections[i].client, 700);
            CHECK(came == answers[i]);
            auto ended = co_await std::move(servers[i]);
            CHECK(ended);
            CHECK(are_written[i]);
        }
    });
}

TEST_CASE("peers that are gone end their own answers only", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        auto connections = co_await connect_many();
        std::vector<Bytes> answers;
        std::vector<Errc> outcomes(many, Errc::timed_out);
        for (std::size_t i = 0; i < many; ++i) answers.push_back(words_of(i, 2, i % 2 == 0 ? 500 : 8'000'000));
        auto servers = co_await ask_all(connections, answers, outcomes);
        co_await driver_turns(3);  // the answers are under way, the long ones in part
        for (std::size_t i = 1; i < many; i += 2) const net::TcpStream gone = std::move(connections[i].client);
        for (std::size_t i = 0; i < many; ++i) {
            CAPTURE(i);
            auto ended = co_await std::move(servers[i]);
            CHECK(ended);
            if (i % 2 == 0)
                CHECK(outcomes[i] == Errc::ok);
            else
                CHECK((outcomes[i] == Errc::connection_reset || outcomes[i] == Errc::broken_pipe));
        }
    });
}

/// Zeros that take no memory as long as nobody writes them.
class Zeros {
public:
    explicit Zeros(std::size_t bytes)
        : memory_(::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
          bytes_(bytes) {
        REQUIRE(memory_ != MAP_FAILED);
    }
    ~Zeros() { ::munmap(memory_, bytes_); }
    Zeros(const Zeros&) = delete;
    Zeros& operator=(const Zeros&) = delete;
    [[nodiscard]] std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(memory_), bytes_}; }

private:
    void* memory_;
    std::size_t bytes_;
};

Task<> answer_with(net::TcpStream& stream, std::span<const std::byte> answer, Errc& outcome) {
    auto asked = co_await stream.read_buf();
    REQUIRE(asked);
    auto written = co_await stream.write_all(answer);
    outcome = written ? Errc::ok : written.error().code();
}

// Its length is 0 in 32 bits.
TEST_CASE("an answer of 4 GiB among others is not taken for sent", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        const Zeros much(std::size_t{1} << 32);
        auto connections = co_await connect_many();
        std::vector<Errc> outcomes(many, Errc::timed_out);
        std::vector<JoinHandle<void>> servers;
        for (std::size_t i = 0; i < many; ++i)
            servers.push_back(
                spawn(answer_with(connections[i].server, i == 0 ? much.bytes() : much.bytes().first(64), outcomes[i])));
        co_await driver_turns(2);
        for (auto& each : connections) co_await say(each.client, Bytes(1));
        for (std::size_t i = 1; i < many; ++i) {
            CAPTURE(i);
            const Bytes came = co_await read_bytes(connections[i].client, 64);
            CHECK(came == Bytes(64));
        }
        auto begun = co_await time::timeout(10s, read_bytes(connections[0].client, 10'000'000));
        REQUIRE(begun);
        CHECK(*begun == Bytes(10'000'000));
        CHECK(outcomes[0] == Errc::timed_out);
        servers[0].abort();
        for (auto& server : servers) (void)co_await std::move(server);
    });
}

/// Is always ready, so that no turn runs out of tasks.
Task<> never_rest() {
    for (;;) co_await yield_now();
}

TEST_CASE("what many answer is sent although some task is always ready", "[integration][gathered]") {
    on_each_driver([]() -> Task<> {
        auto connections = co_await connect_many();
        std::vector<Bytes> answers = words_of_each(4, 64);
        std::vector<Errc> outcomes(many, Errc::timed_out);
        JoinHandle<void> restless = spawn(never_rest());
        auto servers = co_await ask_all(connections, answers, outcomes);
        for (std::size_t i = 0; i < many; ++i) {
            CAPTURE(i);
            auto came = co_await time::timeout(10s, read_bytes(connections[i].client, 64));
            REQUIRE(came);
            CHECK(*came == answers[i]);
        }
        restless.abort();
        (void)co_await std::move(restless);
        for (auto& server : servers) (void)co_await std::move(server);
    });
}

Task<std::vector<net::TcpStream>> connect_to(net::SocketAddr address, std::size_t count) {
    std::vector<net::TcpStream> clients;
    for (std::size_t i = 0; i < count; ++i) {
        auto client = co_await net::TcpStream::connect(address);
        REQUIRE(client);
        clients.push_back(std::move(*client));
    }
    co_return clients;
}

Task<std::vector<net::TcpStream>> accept_all(net::TcpListener& listener, std::size_t count) {
    std::vector<net::TcpStream> streams;
    for (std::size_t i = 0; i < count; ++i) {
        auto accepted = co_await listener.accept();
        REQUIRE(accepted);
        streams.push_back(std::move(*accepted));
    }
    co_return streams;
}

/// A runtime on a driver and one on epoll, of which one rests while the other runs; the second has connected to the
/// first.
struct Apart {
    Apart(const tests::KernelDriver& driver, std::size_t connections)
        : here(tests::make_on(driver)), peers(tests::make_on({"epoll"})) {
        REQUIRE((here && peers));
        auto bound =
            here->block_on([]() -> Task<Result<net::TcpListener>> { co_return net::TcpListener::bind(any_port); }());
        REQUIRE(bound);
        listener.emplace(std::move(*bound));
        clients = peers->block_on(connect_to(listener->local_addr(), connections));
    }

    Result<runtime::Runtime, backend::SetupError> here;
    Result<runtime::Runtime, backend::SetupError> peers;
    std::optional<net::TcpListener> listener;
    std::vector<net::TcpStream> clients;
};

Task<> answer_and_count(net::TcpStream& stream, std::size_t& begun) {
    auto asked = co_await stream.read_buf();
    REQUIRE(asked);
    ++begun;
    (void)co_await stream.write_buf(std::move(*asked));
}

Task<> accept_and_answer(net::TcpListener& listener, std::vector<net::TcpStream>& streams, std::size_t& begun) {
    streams = co_await accept_all(listener, many);
    for (auto& stream : streams) spawn(answer_and_count(stream, begun)).detach();
    spawn(never_rest()).detach();
    co_await driver_turns(2);
}

TEST_CASE("what was gathered is sent before its core is left", "[integration][gathered]") {
    const tests::KernelDriver driver = GENERATE(from_range(tests::kernel_drivers()));
    if (driver.flavour != runtime::Flavour::current_thread) return;  // a thread of its own does not leave
    CAPTURE(driver.name);
    Apart two(driver, many);
    std::vector<net::TcpStream> streams;
    std::size_t begun = 0;
    two.here->block_on(accept_and_answer(*two.listener, streams, begun));
    two.peers->block_on([](auto& all) -> Task<> {
        for (auto& client : all) co_await say(client, Bytes(1));
    }(two.clients));
    two.here->block_on([](const std::size_t& count) -> Task<> {
        while (count != many) co_await yield_now();
    }(begun));
    two.peers->block_on([](auto& all) -> Task<> {
        for (auto& client : all) {
            auto came = co_await time::timeout(10s, read_bytes(client, 1));
            REQUIRE(came);
        }
    }(two.clients));
}

/// Tasks that one event wakes, each of which says something on a connection of its own.
struct Crowd {
    static constexpr std::size_t members = 200;  // more than run in the turn of the event

    sync::Notify event;
    std::vector<net::TcpStream> streams;
    std::size_t waiting = 0;
    std::size_t steps = 0;
    std::size_t waited = 0;  // those whose write let others run

    Task<> say_when_told(std::size_t number) {
        ++waiting;
        co_await event.notified();
        const std::size_t before = ++steps;
        const Bytes words = words_of(number, 5, 64);
        auto written = co_await streams[number].write_all(words);
        REQUIRE(written);
        if (++steps != before + 1) ++waited;
    }

    Task<> tell_all(net::TcpListener& listener) {
        streams = co_await accept_all(listener, members);
        std::vector<JoinHandle<void>> all;
        for (std::size_t i = 0; i < members; ++i) all.push_back(spawn(say_when_told(i)));
        while (waiting != members) co_await yield_now();
        event.notify_waiters();
        for (auto& each : all) (void)co_await std::move(each);
    }
};

// A ring that gathers has a write wait until others have said theirs.
TEST_CASE("what many say whom one event woke goes together on a ring", "[integration][gathered]") {
    const tests::KernelDriver driver = GENERATE(from_range(tests::kernel_drivers()));
    if (driver.flavour != runtime::Flavour::current_thread) return;  // the peers are to be silent meanwhile
    CAPTURE(driver.name);
    Apart two(driver, Crowd::members);
    Crowd crowd;
    two.here->block_on(crowd.tell_all(*two.listener));
    if (driver.name == "io_uring") CHECK(crowd.waited > Crowd::members / 4);
    two.peers->block_on([](auto& all) -> Task<> {
        for (auto& client : all) {
            const Bytes came = co_await read_bytes(client, 64);
            // They were accepted in an order that nobody promises.
            bool is_known = false;
            for (std::size_t i = 0; i < Crowd::members; ++i) is_known |= came == words_of(i, 5, 64);
            CHECK(is_known);
        }
    }(two.clients));
}

}  // namespace
}  // namespace skerry
