#include "pkt/run/run_script.hpp"
#include "pkt/run/stack_system.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>

namespace {

using namespace skerry::pkt;
using Catch::Matchers::Contains;

Verdict run(std::string_view text, Profile profile = Profile::linux_like, const syntax::Defines& defines = {}) {
    return run_script("a.pkt", text, defines, profile, make_stack_system);
}

/// A connection that the script's side begins, without Linux's quick acknowledgements; descriptor 4.
const std::string accepted = R"(
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 setsockopt(4, SOL_TCP, TCP_QUICKACK, [0], 4) = 0
)";

void passes(const std::string& text) {
    const Verdict verdict = run(text);
    INFO(verdict.reason);
    CHECK(verdict.outcome == Outcome::passed);
}
void fails(const std::string& text, const std::string& reason) {
    const Verdict verdict = run(text);
    CHECK(verdict.outcome == Outcome::failed);
    CHECK_THAT(verdict.reason, Contains(reason));
}
void is_skipped(const std::string& text, const std::string& reason) {
    const Verdict verdict = run(text);
    CHECK(verdict.outcome == Outcome::skipped);
    CHECK_THAT(verdict.reason, Contains(reason));
}

}  // namespace

TEST_CASE("a script of a connection accepted, data both ways and both ends closed passes", "[apps][pkt][run]") {
    passes(accepted + R"(
+0 write(4, ..., 500) = 500
+0 > P. 1:501(500) ack 1
+.1 < P. 1:301(300) ack 501 win 65535
+0 read(4, ..., 1000) = 300
+.04 > . 501:501(0) ack 301
+0 close(4) = 0
+0 > F. 501:501(0) ack 301
+0 < F. 301:301(0) ack 502 win 65535
+0 > . 502:502(0) ack 302
)");
}

TEST_CASE("a script of a connection begun by the machine passes in its own numbers", "[apps][pkt][run]") {
    passes(R"(
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 7
+0 fcntl(7, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(7, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
+.1 < S. 0:0(0) ack 1 win 5792 <mss 1000,nop,nop,TS val 700 ecr 100>
+0 > . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 700>
+0 getsockopt(7, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
+0 write(7, ..., 10) = 10
+0 > P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 700>
+.1 < . 1:1(0) ack 11 win 5792 <nop,nop,TS val 800 ecr 200>
+0 %{ assert tcpi_state == TCP_ESTABLISHED, tcpi_state; assert tcpi_unacked == 0 }%
)");
}

TEST_CASE("a script fails at what it does not expect, and says what was seen", "[apps][pkt][run]") {
    SECTION("another acknowledgement") {
        fails(accepted + "+0 < P. 1:301(300) ack 1 win 65535\n+.04 > . 1:1(0) ack 302\n",
              "a.pkt:12:6: ack: expected "
              "302, seen 301");
    }
    SECTION("a packet too late, one too early") {
        fails(accepted + "+0 < P. 1:301(300) ack 1 win 65535\n+.03 > . 1:1(0) ack 301\n",
              "expected a packet at 0.130000, seen none");
        fails(accepted + "+0 < P. 1:301(300) ack 1 win 65535\n+.06 > . 1:1(0) ack 301\n",
              "expected at 0.160000, seen at 0.140000: . 1:1(0) ack 301");
    }
    SECTION("a packet that nobody expects in front of one that is") {
        fails(accepted + "+0 write(4, ..., 10) = 10\n+0 write(4, ..., 10) = 10\n+0 > P. 11:21(10) ack 1\n",
              "seq: expected 11, seen 1");
    }
    SECTION("a call with another result") {
        fails(accepted + "+0 read(4, ..., 10) = 3\n", "read waits");
        fails(accepted + "+0 recv(4, ..., 10, MSG_DONTWAIT) = 3\n", "expected 3, seen -1 EAGAIN");
        fails(accepted + "+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EPIPE (Broken pipe)\n",
              "expected -1 EPIPE, seen -1 E");
        fails(accepted + "+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [5], [4]) = 0\n", "getsockopt: expected 5, seen 0");
    }
    SECTION("options, and options where the script has none") {
        fails(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
            "+0 < S 0:0(0) win 65535 <mss 1000>\n+0 > S. 0:0(0) ack 1\n",
            "expected 0 options, seen 1 in S. 0:0(0) ack 1");
        fails(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
            "+0 < S 0:0(0) win 65535 <mss 1000>\n+0 > S. 0:0(0) ack 1 <mss 1400>\n",
            "other options in S. 0:0(0) ack 1");
    }
    SECTION("an assertion") {
        fails(accepted + "+0 %{ assert tcpi_unacked == 4, tcpi_unacked }%\n", "the assertion does not hold: 0");
    }
}

TEST_CASE("what is not understood is skipped with its place and reason", "[apps][pkt][run]") {
    is_skipped("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 frobnicate(3) = 0\n", "a.pkt:2:4: the call frobnicate");
    is_skipped("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 setsockopt(3, SOL_TCP, TCP_NOSUCH, [1], 4) = 0\n",
               "the name TCP_NOSUCH is not known");
    is_skipped("--no_such_option=1\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n", "--no_such_option=1");
    is_skipped("`rm -rf /nowhere`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n", "the command `rm -rf /nowhere`");
    is_skipped("`sysctl -w net.ipv4.tcp_nosuch=1`\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n", "tcp_nosuch");
    is_skipped(accepted + "+0 %{ assert tcpi_nosuch == 1 }%\n", "tcpi_nosuch");
    is_skipped("// nothing\n", "no event");
}

TEST_CASE("a text that is no script is told from one that is not understood", "[apps][pkt][run]") {
    const Verdict verdict = run("0 < S 0:0(0 win 5\n");
    CHECK(verdict.outcome == Outcome::skipped);
    CHECK(verdict.is_no_script);
    CHECK_THAT(verdict.reason, Contains("a.pkt:1:"));
}

TEST_CASE("a call that waits ends at the time that the script says", "[apps][pkt][run]") {
    passes(accepted + R"(
+0...0.2 read(4, ..., 1000) = 300
+.2 < P. 1:301(300) ack 1 win 65535
+.04 > . 1:1(0) ack 301
)");
    fails(accepted + R"(
+0...0.3 read(4, ..., 1000) = 300
+.2 < P. 1:301(300) ack 1 win 65535
+.04 > . 1:1(0) ack 301
)",
          "read: expected to end at 0.400000, ended at 0.300000");
    fails(accepted + "+0...0.2 read(4, ..., 1000) = 300\n", "still waits");
}

TEST_CASE("a segment may come cut as a card would, unless segments are strict", "[apps][pkt][run]") {
    const std::string bulk = accepted + "+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1\n";
    passes(bulk);
    fails("--strict_segments\n" + bulk, "in . 1:1001(1000) ack 1");
}

TEST_CASE("packets of another port are of another connection", "[apps][pkt][run]") {
    passes(R"(
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 5) = 0
+0 < 5000 > 8080 S 0:0(0) win 65535 <mss 1000>
+0 > 8080 > 5000 S. 0:0(0) ack 1 <mss 1460>
+0 < 5001 > 8080 S 0:0(0) win 65535 <mss 1000>
+0 > 8080 > 5001 S. 0:0(0) ack 1 <mss 1460>
+0 < 5000 > 8080 . 1:1(0) ack 1 win 65535
+0 < 5001 > 8080 R 1:1(0) win 0
+0 accept(3, ..., ...) = 4
)");
}

TEST_CASE("commands set the machine and ask about it", "[apps][pkt][run]") {
    passes("`sysctl -q -w net.ipv4.tcp_synack_retries=2 net.ipv4.tcp_sack=0`\n" + accepted +
           "+0 `sockstat -4 -P tcp -s | grep packetdril | grep -c ESTABLISHED | grep 1`\n");
    fails(accepted + "+0 `sockstat -4 -P tcp -s | grep packetdril | grep TIME_WAIT`\n",
          "expected some in TIME_WAIT, seen 0; there is ESTABLISHED");
}

TEST_CASE("commands that ask for what there is anyway change nothing", "[apps][pkt][run]") {
    passes("`ip tcp_metrics flush all > /dev/null 2>&1`\n`tc qdisc add dev tun0 root pfifo`\n" + accepted);
    for (const char* const other : {"ip link set dev tun0 mtu 1200", "ip", "ip tcp_metrics flush all || touch x",
                                    "ip tcp_metrics flush | cat", "tc qdisc add dev tun0 root fq", "tc",
                                    "tc qdisc add pfifo", "tc qdisc add dev tun0 root netem delay 1s pfifo"})
        is_skipped("`" + std::string(other) + "`\n" + accepted, "the command `" + std::string(other) + "`");
}

TEST_CASE("a datagram is answered by a program, and one to a closed port by ICMP", "[apps][pkt][run]") {
    passes(R"(
 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 bind(3, ..., ...) = 0
+0 < udp (100)
+0 recvfrom(3, ..., 1000, 0, ..., ...) = 100
+0 sendto(3, ..., 50, 0, ..., ...) = 50
+0 > udp (50)
+0 close(3) = 0
+0 < udp (100)
+0 > icmp unreachable port_unreachable [udp (100)]
)");
}

TEST_CASE("ECN is set as on Linux, and its newer kind makes a script a skip", "[apps][pkt][run]") {
    const std::string asked =
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
        "+0 < SEW 0:0(0) win 65535 <mss 1000>\n";
    passes("`sysctl -w net.ipv4.tcp_ecn=0`\n" + asked + "+0 > [noecn] S. 0:0(0) ack 1 <...>\n");
    passes("`sysctl -w net.ipv4.tcp_ecn=1`\n" + asked + "+0 > [noecn] SE. 0:0(0) ack 1 <...>\n");
    passes("`sysctl -w net.ipv4.tcp_ecn=2`\n" + asked + "+0 > [noecn] SE. 0:0(0) ack 1 <...>\n");
    is_skipped("`sysctl -w net.ipv4.tcp_ecn=3`\n" + accepted, "0 to 2");
    passes("`../common/defaults.sh`\n" + asked + "+0 > [noecn] S. 0:0(0) ack 1 <...>\n");
}

TEST_CASE("a script that is out of all measure is skipped", "[apps][pkt][run]") {
    is_skipped(accepted + "+0 < . 1:65536(65535) ack 1 win 65535\n", "a packet of 65575 bytes");
    is_skipped(accepted + "+900000000 < . 1:1(0) ack 1 win 65535\n+900000000 < . 1:1(0) ack 1 win 65535\n",
               "a time more than 30 years ahead");
}

TEST_CASE("assertions calculate", "[apps][pkt][run]") {
    passes(accepted + "+0 %{ assert 2 * 3 == 6 and 7 - 2 == 5 and 1 + 1 == 2 and -(-3) == 3 and 7 // 2 == 3 }%\n");
    fails(accepted + "+0 %{ assert 2 * 3 == 0 }%\n", "the assertion does not hold");
    is_skipped(accepted + "+0 %{ assert 9223372036854775807 + 1 == 0 }%\n", "more than 64 bits");
}

TEST_CASE("another connection of the same ports has numbers of its own", "[apps][pkt][run]") {
    passes(accepted + R"(
+0 close(4) = 0
+0 > F. 1:1(0) ack 1
+0 < R 1:1(0) win 0
+1 < S 5000:5000(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 5001 <mss 1460>
+.1 < . 5001:5001(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 10) = 10
+0 > P. 1:11(10) ack 5001
)");
}

TEST_CASE("an echo is answered with what it said", "[apps][pkt][run]") {
    const std::string socket = "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 bind(3, ..., ...) = 0\n";
    passes(socket + "+0 < icmp echo_request id 7 seq 9\n+0 > icmp echo_reply id 7 seq 9\n");
    fails(socket + "+0 < icmp echo_request id 7 seq 9\n+0 > icmp echo_reply id 7 seq 8\n", "seq: expected 8, seen 9");
}

TEST_CASE("edges of epoll may be asked for", "[apps][pkt][run]") {
    passes(accepted +
           "+0 epoll_create(1) = 5\n"
           "+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0\n"
           "+0 < P. 1:11(10) ack 1 win 65535\n+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1\n"
           "+0 epoll_wait(5, ..., 1, 0) = 0\n");
}
