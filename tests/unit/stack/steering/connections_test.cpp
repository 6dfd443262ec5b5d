// Several cores with one address: connections, whoever listens and by whatever queue their segments come.

#include "support/listening_cores.hpp"

#include <skerry/stack/wire/icmp.hpp>

#include <algorithm>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;
using stack::wire::Ipv4Addr;

using Net = ListeningCores;

TEST_CASE("one listener gets every connection, whichever core has the queue", "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(1, false));
    for (int i = 0; i < 30; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(pair->core == net.cores[1].get());
        CHECK(net.talks(*pair));
    }
    CHECK(net.counts() == std::vector<std::size_t>{0, 30});
    CHECK(net[0].stack.drops().total() == 0);
}

TEST_CASE("with one queue connections spread over the cores that listen", "[stack][steering][tcp]") {
    Net net(StackCores::options(3, 1));
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(2));
    for (int i = 0; i < 60; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    const auto counts = net.counts();
    CHECK(counts[0] > 15);
    CHECK(counts[1] == 0);
    CHECK(counts[2] > 15);
}

TEST_CASE("the final acknowledgement of a cookie finds the core that sent it", "[stack][steering][tcp][cookie]") {
    stack::StackConfig config = host_config();
    config.tcp.syn_cookies = stack::SynCookies::always;
    Net net(StackCores::options(3, 1), config);
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(2));
    for (int i = 0; i < 60; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    CHECK(net[0].stack.tcp().cookies().accepted > 15);
    CHECK(net[2].stack.tcp().cookies().accepted > 15);
    for (const std::size_t core : {0, 1, 2}) {
        const stack::tcp::CookieCounts& counts = net[core].stack.tcp().cookies();
        CHECK(counts.sent == counts.accepted);
        CHECK(counts.refused == 0);
    }
}

/// Two cores whose port chooses queues by the hash, as a NIC does.
void check_that_nothing_crosses(std::uint16_t queues) {
    stack::SteeringOptions how = StackCores::options(2, queues);
    how.hash_predicts = true;
    Net net(how);
    net.queue_of = [&](std::span<const std::byte> frame) -> std::size_t {
        if (frame[13] == std::byte{6}) return 0;
        const auto at = frame.subspan(stack::wire::ethernet_bytes);
        const stack::tcp::Tuple tuple{stack::wire::load_ipv4(&at[16]), stack::wire::load_ipv4(&at[12]),
                                      stack::wire::load_be16(&at[22]), stack::wire::load_be16(&at[20])};
        return net.shared->queue_of(net.shared->toeplitz().hash(tuple)) % 2U;  // who polls it
    };
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(1));
    Pair* pair = net.connect();  // with an introduction
    REQUIRE(pair != nullptr);
    const std::uint64_t before = net.crossed();
    for (int i = 0; i < 40; ++i) {
        pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
    }
    CHECK(net.crossed() == before);
    CHECK(net.counts()[0] > 8);
    CHECK(net.counts()[1] > 8);

    // And what we begin comes home too.
    TestAcceptor theirs;
    REQUIRE(net.peer->stack.tcp().listen(theirs, {}, 80, 64));
    for (std::size_t i = 0; i < 20; ++i) {
        TestEndpoint ours;
        REQUIRE(net[i % 2].stack.tcp().connect(ours, peer_ip, 80, net.now));
        net.converse();
        CHECK(ours.tcb->state == State::established);
        net[i % 2].stack.tcp().close(ours, net.now);
    }
    CHECK(net.crossed() == before);
    net.peer->stack.tcp().close(theirs, net.now);
}

TEST_CASE("where the port's hash is known, nothing of a connection crosses", "[stack][steering][tcp]") {
    check_that_nothing_crosses(2);
}

TEST_CASE("with more queues than cores nothing of a connection crosses either", "[stack][steering][tcp]") {
    check_that_nothing_crosses(3);
}

TEST_CASE("a hash that does not hold costs crossings and no connection", "[stack][steering][tcp]") {
    stack::SteeringOptions how = StackCores::options(2, 2);
    how.hash_predicts = true;
    std::size_t turn = 0;
    Net net(how);
    net.queue_of = [&](auto) { return turn++ % 2; };  // each packet by another queue than the one before
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(1));
    for (int i = 0; i < 20; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(net.talks(*pair));
        if (i == 10) net.shared->distrust_hash();
    }
    for (Pair& pair : net.pairs) CHECK(net.talks(pair));
    CHECK(net.crossed() > 15);
}

TEST_CASE("a connection stays where it is when other cores begin to listen", "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(0));
    std::vector<Pair*> first;
    for (int i = 0; i < 20; ++i) first.push_back(net.connect());
    REQUIRE(net.listen(1));
    for (Pair* pair : first) {
        REQUIRE(pair != nullptr);
        CHECK(pair->core == net.cores[0].get());
        CHECK(net.talks(*pair));
    }
    for (int i = 0; i < 20; ++i) REQUIRE(net.connect() != nullptr);
    CHECK(net.counts()[1] > 2);
}

TEST_CASE("a connection outlives the listener that took it, and new ones go to those that are left",
          "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(0));
    REQUIRE(net.listen(1));
    for (int i = 0; i < 20; ++i) REQUIRE(net.connect() != nullptr);
    const auto before = net.counts();
    REQUIRE(before[1] > 2);
    net.close(1);
    for (Pair& pair : net.pairs) CHECK(net.talks(pair));
    for (int i = 0; i < 20; ++i) {
        Pair* const pair = net.connect();
        REQUIRE(pair != nullptr);
        CHECK(pair->core == net.cores[0].get());
        CHECK(net.talks(*pair));
    }
    net.close(0);
    for (Pair& pair : net.pairs) CHECK(net.talks(pair));
    CHECK(net.connect() == nullptr);
    CHECK(net.pairs.back().theirs->tcb->error == Errc::connection_refused);
}

TEST_CASE("a first segment that was under way to a listener that closed goes to another", "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(1));
    Pair& pair = net.pairs.emplace_back();
    REQUIRE(net.connect() != nullptr);  // all know each other
    REQUIRE(net.peer->stack.tcp().connect(*pair.theirs, host_ip, listened_port, net.now));
    for (const Bytes& frame : net.taken(*net.peer)) net.give(0, frame);
    REQUIRE(net.listen(0));
    net.close(1);
    net.converse();
    CHECK(pair.theirs->tcb->state == State::established);
    REQUIRE(net[0].stack.tcp().accept(*net.acceptors[0], *pair.ours));
    pair.core = net.cores[0].get();
    CHECK(net.talks(pair));
}

TEST_CASE("the end of a connection finds its core too, and its number can be used again there or elsewhere",
          "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(1, false));
    Pair* pair = net.connect();
    REQUIRE(pair != nullptr);
    const stack::tcp::Tuple tuple = pair->ours->tcb->tuple;
    CHECK(net.shared->flows().find(stack::FlowKey(tuple)) == 1);
    net[1].stack.tcp().close(*pair->ours, net.now);  // first, so TIME-WAIT is ours
    net.converse();
    net.peer->stack.tcp().close(*pair->theirs, net.now);
    net.converse();
    CHECK(net[1].stack.tcp().sizes().time_wait == 1);
    CHECK(net.shared->flows().find(stack::FlowKey(tuple)) == 1);
    net.pass(2min);
    CHECK(net[1].stack.tcp().sizes().time_wait == 0);
    CHECK(net.shared->flows().find(stack::FlowKey(tuple)) == stack::FlowOwners::nobody);
}

/// A first segment of the peer's for these ports again.
Bytes syn_of(const stack::tcp::Tuple& tuple, std::uint32_t seq) {
    Bytes syn(stack::wire::tcp_bytes);
    stack::wire::TcpHeader header;
    header.source_port = tuple.remote_port;
    header.destination_port = tuple.local_port;
    header.seq = seq;
    header.flags = flag::syn;
    header.window = 1000;
    header.header_bytes = stack::wire::tcp_bytes;
    stack::wire::write(header, syn.data());
    stack::wire::seal_tcp(
        syn, stack::wire::pseudo_header(peer_ip, host_ip, stack::wire::ip_protocol::tcp, stack::wire::tcp_bytes));
    return ipv4(stack::wire::ip_protocol::tcp, syn);
}

/// A connection in TIME-WAIT on core 1, of which more was sent than the clock of first numbers moves meanwhile, and a
/// listener that is core 0's by now.
struct MovedListener : Net {
    explicit MovedListener(const stack::SteeringOptions& how = options(2, 1)) : Net(how) {
        REQUIRE(listen(1, false));
        Pair* const pair = connect();
        REQUIRE(pair != nullptr);
        tuple = pair->ours->tcb->tuple;
        std::size_t sent = 0;
        for (const std::string text(10'000, 'x'); sent < 2'000'000; converse()) {
            sent += (*this)[1].stack.tcp().write(*pair->ours->tcb, bytes_of(text), now);
            (void)read(*this, *peer, *pair->theirs);
        }
        while (!read(*this, *peer, *pair->theirs).empty()) converse();
        last_of_ours = pair->ours->tcb->snd_nxt;
        last_of_theirs = pair->ours->tcb->rcv_nxt;
        (*this)[1].stack.tcp().close(*pair->ours, now);
        converse();
        peer->stack.tcp().close(*pair->theirs, now);
        converse();
        REQUIRE((*this)[1].stack.tcp().sizes().time_wait == 1);
        close(1);
        REQUIRE(listen(0, false));
        now = now + 1s;
        (void)taken(0);
    }
    void check_begun() {
        CHECK((*this)[0].stack.tcp().sizes().half_open == 1);
        CHECK((*this)[1].stack.tcp().sizes().time_wait == 0);
        CHECK(shared->flows().find(stack::FlowKey(tuple)) == 0);
        const auto answers = taken(0);
        REQUIRE(answers.size() == 1);
        const std::uint32_t isn = stack::wire::load_be32(&answers.front()[stack::wire::ethernet_bytes + 24]);
        CHECK(stack::seq_after(isn, last_of_ours + 1));
    }

    stack::tcp::Tuple tuple;
    std::uint32_t last_of_ours = 0;
    std::uint32_t last_of_theirs = 0;
};

TEST_CASE("a number in TIME-WAIT begins again on the core that listens by now", "[stack][steering][tcp]") {
    MovedListener net;
    net.give(0, syn_of(net.tuple, net.last_of_theirs + 1000));
    net.cross();
    net.check_begun();
}

TEST_CASE("a SYN that finds the ring to its core full leaves TIME-WAIT, and what it knows", "[stack][steering][tcp]") {
    stack::SteeringOptions how = StackCores::options(2, 1);
    how.ring_frames = 64;
    MovedListener net(how);
    const Bytes syn = syn_of(net.tuple, net.last_of_theirs + 1000);
    net[0].bind(9000);
    for (std::size_t i = 0; i < how.ring_frames; ++i)
        net.give(1, ipv4(stack::wire::ip_protocol::udp, udp_segment(9, 9000, "x")));
    REQUIRE(net[1].stack.drops()[Drop::steering_full] == 0);
    net.give(1, syn);
    CHECK(net[1].stack.drops()[Drop::steering_full] == 1);
    CHECK(net[1].stack.tcp().sizes().time_wait == 1);
    CHECK(net.shared->flows().find(stack::FlowKey(net.tuple)) == 1);
    net.cross();
    net.give(1, syn);
    net.cross();
    net.check_begun();
}

TEST_CASE("a core without a queue connects, and no two cores choose one number", "[stack][steering][tcp]") {
    Net net(StackCores::options(3, 1));
    net.connect_in_turn(60);
}

TEST_CASE("a core reaches another core's listener by our own address", "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(1, false));
    TestEndpoint near;
    TestEndpoint far;
    REQUIRE(net[0].stack.tcp().connect(near, host_ip, listened_port, net.now));
    net.converse();
    REQUIRE(near.tcb->state == State::established);
    REQUIRE(net[1].stack.tcp().accept(*net.acceptors[1], far));
    const std::string text(100'000, 'y');
    std::size_t sent = 0;
    std::string got;
    for (int turn = 0; turn < 200 && got.size() < text.size(); ++turn) {
        sent += net[0].stack.tcp().write(*near.tcb, bytes_of(text).subspan(sent), net.now);
        net.converse();
        got += read(net, net[1], far);
    }
    CHECK((got == text));
    net[0].stack.tcp().close(near, net.now);
    net.converse();
    net[1].stack.tcp().close(far, net.now);
    net.converse();
    CHECK(net[0].stack.backlog().empty());  // nothing of it left by the wire
}

TEST_CASE("a segment of no connection is refused once", "[stack][steering][tcp]") {
    Net net;
    REQUIRE(net.listen(1, false));
    REQUIRE(net.connect() != nullptr);
    TestEndpoint nobody;
    REQUIRE(net.peer->stack.tcp().connect(nobody, host_ip, listened_port + 1, net.now));
    std::size_t answers = 0;
    for (const Bytes& frame : net.taken(*net.peer)) net.give(0, frame);
    net.cross();
    for (auto& core : net.cores) answers += net.taken(*core).size();
    CHECK(answers == 1);
    net.peer->stack.tcp().forget(nobody);
}

TEST_CASE("an error about a connection that a core begins is told to that core", "[stack][steering][tcp][icmp]") {
    Net net;
    REQUIRE(net.listen(0));
    REQUIRE(net.connect() != nullptr);
    TestEndpoint ours;
    REQUIRE(net[1].stack.tcp().connect(ours, peer_ip, 80, net.now));
    const auto sent = net.taken(1);
    REQUIRE(sent.size() == 1);
    Bytes bytes(stack::wire::icmp_bytes + 28);
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::unreachable;
    header.code = stack::wire::icmp_code::port_unreachable;
    stack::wire::write(header, bytes.data());
    std::memcpy(bytes.data() + stack::wire::icmp_bytes, sent.front().data() + stack::wire::ethernet_bytes, 28);
    stack::wire::seal_icmp(bytes);
    net.give(0, ipv4(stack::wire::ip_protocol::icmp, bytes));
    net.cross();
    CHECK(ours.tcb->error == Errc::connection_refused);
    net[1].stack.tcp().close(ours, net.now);
}

TEST_CASE("what does not fit a ring is lost like on a wire, counted, and sent again", "[stack][steering][tcp]") {
    stack::SteeringOptions how = StackCores::options(2, 1);
    how.ring_frames = 4;
    Net net(how);
    REQUIRE(net.listen(1, false));
    Pair* const pair = net.connect();
    REQUIRE(pair != nullptr);
    const std::string text(60'000, 'z');
    std::size_t sent = 0;
    std::string got;
    for (int turn = 0; turn < 2000 && got.size() < text.size(); ++turn) {
        sent += net.peer->stack.tcp().write(*pair->theirs->tcb, bytes_of(text).subspan(sent), net.now);
        net.pass(50ms);
        got += read(net, net[1], *pair->ours);
    }
    CHECK((got == text));
    CHECK(net[0].stack.drops()[Drop::steering_full] > 0);
}

TEST_CASE("a core follows its own connection in TIME-WAIT, and none of another's",
          "[stack][steering][tcp][time_wait]") {
    Net net(StackCores::options(2, 2));
    TestAcceptor theirs;
    REQUIRE(net.peer->stack.tcp().listen(theirs, {}, 80, 64));
    const auto connect_and_end = [&](std::size_t core, std::uint16_t port) -> std::uint16_t {
        stack::tcp::LocalEnd from;
        from.port = port;
        TestEndpoint ours;
        TestEndpoint accepted;
        const auto made = net[core].stack.tcp().connect(ours, peer_ip, 80, net.now, from);
        if (!made) return 0;
        net.converse();
        REQUIRE(ours.tcb->state == State::established);
        const std::uint16_t used = ours.tcb->tuple.local_port;
        REQUIRE(net.peer->stack.tcp().accept(theirs, accepted));
        net[core].stack.tcp().close(ours, net.now);
        net.converse();
        net.peer->stack.tcp().close(accepted, net.now);
        net.converse();
        return used;
    };
    const std::uint16_t port = connect_and_end(0, 0);
    REQUIRE(net[0].stack.tcp().sizes().time_wait == 1);
    CHECK(connect_and_end(0, port) == 0);
    net.pass(1001ms);
    CHECK(connect_and_end(1, port) == 0);
    CHECK(connect_and_end(0, port) == port);
    CHECK(net[0].stack.tcp().sizes().time_wait == 1);
    net.peer->stack.tcp().close(theirs, net.now);
}

}  // namespace
}  // namespace skerry
