// A register on three hosts that outlives crashes and partitions, and how such a service is tested: hundreds of runs in
// the simulator, each with other troubles, all in one thread and within seconds.
//
//     example_replicated_register                        looks for a run that breaks the promise: there is none
//     example_replicated_register --acknowledge-early    with a bug: finds one, says what it takes, and how to see it
//     again
//
// Its promise: what was acknowledged is never lost. Who reads later gets that value or a newer one.

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/testing/explore.hpp>
#include <skerry/testing/simulation.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace skerry;
using namespace std::chrono_literals;

// --- the service: it knows nothing of the simulator, and runs on any backend

constexpr std::uint16_t port = 4000;

/// What is asked, and what is answered with the same `what`.
struct Message {
    enum class What : std::uint64_t {
        write,  // of a client: of this value, which is newer than all before
        read,  // of a client
        store,  // of another replica
        fetch,  // of another replica
    };
    What what = What::read;
    std::uint64_t value = 0;

    std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(this, 1)); }
};

/// Asks one host. Nothing when no answer comes in time: whatever was asked for may have been done all the same.
Task<std::optional<std::uint64_t>> ask(net::SocketAddr to, Message message) {
    auto exchange = [](net::SocketAddr host, Message& asked) -> Task<bool> {
        auto stream = co_await net::TcpStream::connect(host);
        if (!stream || !co_await stream->write_all(asked.bytes())) co_return false;
        co_return (co_await stream->read_exact(asked.bytes())).has_value();
    };
    const auto answered = co_await time::timeout(500ms, exchange(to, message));
    if (!answered || !*answered) co_return std::nullopt;
    co_return message.value;
}

class Replica {
public:
    /// `all` are the addresses of all replicas, this one's too, which is number `own` of them.
    Replica(const std::vector<net::SocketAddr>& all, std::size_t own, bool acknowledges_early)
        : all_(all), own_(own), acknowledges_early_(acknowledges_early) {}

    Task<> serve() {
        auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
        if (!listener) co_return;
        for (;;) {
            auto stream = co_await listener->accept();
            if (stream) spawn(answer(std::move(*stream))).detach();
        }
    }

private:
    Task<> answer(net::TcpStream stream) {
        Message message;
        if (!co_await stream.read_exact(message.bytes())) co_return;
        if (message.what == Message::What::store || message.what == Message::What::write)
            disk_ = std::max(disk_, message.value);
        std::optional<std::uint64_t> newest = disk_;
        if (message.what == Message::What::write) newest = co_await agree(Message::What::store, message.value);
        if (message.what == Message::What::read) newest = co_await agree(Message::What::fetch, 0);
        if (!newest) co_return;  // no majority can be reached: the client learns nothing
        message.value = *newest;
        (void)co_await stream.write_all(message.bytes());
    }

    /// Asks the other replicas until, with this one, a majority has answered; gives the newest value among them. Any
    /// two majorities share a replica, so a value that a majority has stored is seen by every later read.
    Task<std::optional<std::uint64_t>> agree(Message::What what, std::uint64_t value) {
        std::size_t missing = all_.size() / 2;
        if (acknowledges_early_ && what == Message::What::store) missing = 0;  // the bug: this one has it, that will do
        std::uint64_t newest = disk_;
        JoinSet<std::optional<std::uint64_t>> asked;
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (i != own_) asked.spawn(ask(all_[i], Message{what, value}));
        while (missing != 0) {
            auto outcome = co_await asked.join_next();
            if (!outcome) co_return std::nullopt;  // all have answered, or failed to
            if (!*outcome || !**outcome) continue;
            newest = std::max(newest, ***outcome);
            --missing;
        }
        asked.detach_all();  // those that are slow may still store it
        co_return newest;
    }

    const std::vector<net::SocketAddr>& all_;
    std::size_t own_;
    bool acknowledges_early_;
    std::uint64_t disk_ = 0;  // outlives crashes: it belongs to no task
};

// --- its test

/// Writes 1, 2, 3 and so on, each at the next replica, and notes what was acknowledged.
Task<> write_on(const std::vector<net::SocketAddr>& replicas, std::uint64_t& acknowledged) {
    for (std::uint64_t value = 1;; ++value) {
        const Message message{Message::What::write, value};
        if (co_await ask(replicas[value % replicas.size()], message)) acknowledged = value;
        co_await time::sleep(20ms);
    }
}

/// Reads at one replica after the other, and says in `wrong` when a value is older than what was acknowledged before.
Task<> read_on(const std::vector<net::SocketAddr>& replicas, const std::uint64_t& acknowledged, std::string& wrong) {
    for (std::size_t turn = 0;; ++turn) {
        const std::uint64_t least = acknowledged;
        const auto got = co_await ask(replicas[turn % replicas.size()], Message());
        if (got && *got < least)
            wrong = "read " + std::to_string(*got) + " after " + std::to_string(least) + " was acknowledged";
        co_await time::sleep(30ms);
    }
}

/// One run: 15 virtual seconds, of which the last five are without trouble. Says, or throws, what is wrong.
std::string run(const testing::Trial& trial, bool acknowledges_early) {
    std::vector<net::SocketAddr> addresses;
    std::deque<Replica> replicas;
    std::uint64_t acknowledged = 0;
    std::string wrong;

    testing::Simulation sim({.seed = trial.seed, .link = {.delay = 200us, .jitter = 100us}, .shuffle = true});
    for (const char* const name : {"a", "b", "c"}) {
        Replica& replica = replicas.emplace_back(addresses, addresses.size(), acknowledges_early);
        addresses.push_back(sim.host(name, [&replica] { return replica.serve(); }).at(port));
    }
    sim.host("writer", [&] { return write_on(addresses, acknowledged); });
    sim.host("reader", [&] { return read_on(addresses, acknowledged, wrong); });
    sim.invariant("what was acknowledged is read", [&wrong] { return wrong; });
    sim.schedule(trial.faults);

    sim.run_for(10s);
    const std::uint64_t before = acknowledged;
    sim.run_for(5s);
    return acknowledged > before ? "" : "the trouble is over and writes are still not acknowledged";
}

int main(int argc, char** argv) {
    const bool acknowledges_early = argc == 2 && std::string_view(argv[1]) == "--acknowledge-early";
    if (argc > 1 && !acknowledges_early)
        return std::fputs("usage: example_replicated_register [--acknowledge-early]\n", stderr), 2;
    const testing::FaultOptions troubles{.hosts = {"a", "b", "c"}, .within = 6s, .longest = 3s};
    const auto found =
        testing::explore(200, troubles, [=](const testing::Trial& trial) { return run(trial, acknowledges_early); });
    std::fputs(found ? found->text.c_str() : "every run kept the promise\n", stdout);
    return found ? 1 : 0;
}
