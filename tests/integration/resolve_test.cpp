// Names and addresses, with a name server of the test's own: the process has a network and a view of /etc to itself,
// and answers its own questions on 127.0.0.1:53.

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/own_network.hpp"
#include "support/temp_tree.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/net/resolve.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/testing/simulation.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using net::IpAddr;
using net::SocketAddr;

runtime::Runtime make_runtime(std::uint32_t blocking_threads_max = runtime::Config{}.blocking_threads_max) {
    runtime::Config config;
    config.blocking_threads_max = blocking_threads_max;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).build();
    REQUIRE(runtime);
    return std::move(*runtime);
}

/// Answers every question about a name that begins with "known" by 192.0.2.7 (for A), and all others with `code`.
class NameServer {
public:
    explicit NameServer(std::uint8_t code, std::latch* hold = nullptr) : code_(code), hold_(hold) {
        socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = ::htons(53);
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::perror("port 53");
        thread_ = std::thread([this] { serve(); });
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;
    ~NameServer() {
        ::shutdown(socket_, SHUT_RDWR);  // ends the recvfrom
        thread_.join();
        ::close(socket_);
    }

    [[nodiscard]] int questions() const noexcept { return questions_; }

private:
    void serve() {
        std::array<std::uint8_t, 512> message;
        for (;;) {
            sockaddr_in peer{};
            socklen_t length = sizeof peer;
            const ssize_t size =
                ::recvfrom(socket_, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
            if (size < 17) return;  // the end: no question is as short
            ++questions_;
            if (hold_ != nullptr) hold_->wait();
            const std::size_t bytes = answer(message);
            ::sendto(socket_, message.data(), bytes, 0, reinterpret_cast<sockaddr*>(&peer), length);
        }
    }

    /// Turns a question into its answer (RFC 1035 section 4), without the additional records.
    std::size_t answer(std::array<std::uint8_t, 512>& message) const {
        std::size_t end = 12;
        while (message[end] != 0) end += message[end] + 1U;
        const bool is_known = std::string(&message[13], &message[18]) == "known";
        const bool asks_v4 = message[end + 2] == 1;
        end += 5;
        message[2] = 0x81;  // a response, recursion desired
        message[3] = static_cast<std::uint8_t>(0x80U | (is_known ? 0 : code_));
        for (const std::size_t count : {6U, 8U, 10U}) message[count] = message[count + 1] = 0;
        if (!is_known || !asks_v4) return end;
        message[7] = 1;
        const std::array<std::uint8_t, 16> record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 7};
        std::copy(record.begin(), record.end(), message.begin() + static_cast<std::ptrdiff_t>(end));
        return end + record.size();
    }

    int socket_ = -1;
    std::uint8_t code_;
    std::latch* hold_;
    std::atomic<int> questions_{0};
    std::thread thread_;
};

constexpr std::uint8_t server_failure = 2;
constexpr std::uint8_t no_such_name = 3;

TEST_CASE("an address in text needs no name server", "[integration][resolve]") {
    auto runtime = make_runtime();
    const auto v4 = runtime.block_on(net::resolve("192.0.2.1", 80));
    REQUIRE(v4);
    CHECK(*v4 == std::vector{SocketAddr(IpAddr::v4(192, 0, 2, 1), 80)});
    const auto v6 = runtime.block_on(net::resolve("2001:db8::1", 443));
    REQUIRE(v6);
    CHECK(*v6 == std::vector{SocketAddr(IpAddr::parse("2001:db8::1").value(), 443)});
}

TEST_CASE("a name of the hosts file has its addresses", "[integration][resolve]") {
    auto runtime = make_runtime();
    const auto found = runtime.block_on(net::resolve("listed.test", 7));
    REQUIRE(found);
    CHECK(*found == std::vector{SocketAddr(IpAddr::v4(192, 0, 2, 9), 7)});
}

// The kernel has no address of IPv6 here but ::1.
TEST_CASE("addresses of a family that the kernel lacks are for a stack of our own", "[integration][resolve]") {
    auto runtime = make_runtime();
    CHECK_FALSE(runtime.block_on(net::resolve("far.test", 7)));
    testing::Simulation simulation;
    const auto found = simulation.host("with a stack").run(net::resolve("far.test", 7));
    REQUIRE(found);
    CHECK(*found == std::vector{SocketAddr(IpAddr::parse("2001:db8::9").value(), 7)});
}

TEST_CASE("a name that the name server knows has the address that it says", "[integration][resolve]") {
    const NameServer server(no_such_name);
    auto runtime = make_runtime();
    const auto found = runtime.block_on(net::resolve("known.test", 80));
    REQUIRE(found);
    CHECK(*found == std::vector{SocketAddr(IpAddr::v4(192, 0, 2, 7), 80)});
}

TEST_CASE("a name that nobody has is not_found", "[integration][resolve]") {
    const NameServer server(no_such_name);
    auto runtime = make_runtime();
    CHECK(runtime.block_on(net::resolve("nobody.test", 80)).error() == Errc::not_found);
    CHECK(runtime.block_on(net::resolve("", 80)).error() == Errc::not_found);
}

TEST_CASE("a zero byte in a name does not make it another", "[integration][resolve]") {
    auto runtime = make_runtime();
    const std::string name = std::string("listed.test") + '\0' + ".elsewhere";
    CHECK(runtime.block_on(net::resolve(name, 80)).error() == Errc::invalid_argument);
}

TEST_CASE("name servers that do not answer, or cannot, are timed_out", "[integration][resolve]") {
    auto runtime = make_runtime();
    CHECK(runtime.block_on(net::resolve("known.test", 80)).error() == Errc::timed_out);  // nobody is there
    const NameServer server(server_failure);
    CHECK(runtime.block_on(net::resolve("nobody.test", 80)).error() == Errc::timed_out);
}

TEST_CASE("a resolve that is cancelled ends at once, and its look-up runs on alone", "[integration][resolve][cancel]") {
    std::latch hold(1);
    NameServer server(no_such_name, &hold);
    auto runtime = make_runtime();
    const bool cancelled = runtime.block_on([](const NameServer& asked) -> Task<bool> {
        auto resolving = spawn(net::resolve("known.test", 80));
        while (asked.questions() == 0) co_await yield_now();
        resolving.abort();
        auto outcome = co_await resolving;
        co_return !outcome && outcome.error().is_cancelled();
    }(server));
    CHECK(cancelled);
    hold.count_down();
    const auto found = runtime.block_on(net::resolve("known.test", 81));
    REQUIRE(found);
    CHECK(found->front().port() == 81);
    CHECK(runtime.shutdown(20s).is_clean());
}

TEST_CASE("a look-up that was given up before it began is not made", "[integration][resolve][cancel]") {
    std::latch hold(1);
    NameServer server(no_such_name, &hold);
    auto runtime = make_runtime(1);
    runtime.block_on([](NameServer& asked, std::latch& answers) -> Task<> {
        auto first = spawn(net::resolve("known.test", 80));
        while (asked.questions() == 0) co_await yield_now();
        std::vector<JoinHandle<Result<std::vector<SocketAddr>>>> given_up;
        for (int i = 0; i < 10; ++i) given_up.push_back(spawn(net::resolve("known-too.test", 80)));
        for (int i = 0; i < 10; ++i) co_await yield_now();
        for (auto& each : given_up) each.abort();
        for (auto& each : given_up) {
            auto outcome = co_await std::move(each);
            CHECK_FALSE(outcome);
        }
        answers.count_down();
        auto found = co_await first;
        REQUIRE(found);
        CHECK(*found);
        const int questions = asked.questions();
        auto last = co_await net::resolve("known.test", 80);  // behind whatever is left of the others
        CHECK(last);
        CHECK(asked.questions() == 2 * questions);
    }(server, hold));
    CHECK(runtime.shutdown(20s).is_clean());
}

TEST_CASE("a resolve for which no thread can be started is would_block", "[integration][resolve]") {
    auto runtime = make_runtime();
    {
        const tests::NoThreads shortage;
        CHECK(runtime.block_on(net::resolve("listed.test", 7)).error() == Errc::would_block);
    }
    CHECK(runtime.block_on(net::resolve("listed.test", 7)));
}

#if !SKERRY_ASAN && !SKERRY_TSAN  // they need address space of their own

/// How many of a hundred, behind one that holds the only thread, are told that there is no memory; the others wait for
/// what `answers` holds up, and have their addresses then.
Task<int> resolve_without_memory(const NameServer& asked, std::latch& answers) {
    auto first = spawn(net::resolve("known.test", 80));
    while (asked.questions() == 0) co_await yield_now();
    std::vector<JoinHandle<Result<std::vector<SocketAddr>>>> all;
    all.reserve(100);
    int refused = 0;
    {
        const tests::NoMemory none(16);
        for (int i = 0; i < 100; ++i) all.push_back(spawn(net::resolve("known.test", 80)));
        for (int i = 0; i < 1000; ++i) co_await yield_now();
    }
    answers.count_down();
    for (auto& each : all) {
        auto outcome = co_await each;
        REQUIRE(outcome);
        if (*outcome) continue;
        CHECK(outcome->error() == Errc::no_memory);
        ++refused;
    }
    auto outcome = co_await first;
    CHECK(outcome);
    co_return refused;
}

TEST_CASE("a resolve without memory is no_memory", "[integration][resolve]") {
    std::latch hold(1);
    NameServer server(no_such_name, &hold);
    auto runtime = make_runtime(1);
    CHECK(runtime.block_on(resolve_without_memory(server, hold)) > 0);
    CHECK(runtime.block_on(net::resolve("known.test", 80)));
}

#endif

/// Puts files of the test's own in the place of those in /etc. Empty, or why not.
std::string make_etc(tests::TempTree& files) {
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "no view of /etc of its own";
    for (const auto& [name, text] :
         {std::pair("nsswitch.conf", "hosts: files dns\n"),
          std::pair("hosts", "127.0.0.1 localhost\n192.0.2.9 listed.test\n2001:db8::9 far.test\n"),
          std::pair("resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n")}) {
        const std::string path = std::string("/etc/") + name;
        if (::access(path.c_str(), F_OK) != 0) return path + " does not exist";
        if (::mount(files.write(name, text).c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
            return path + " cannot be replaced";
    }
    return {};
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    skerry::tests::TempTree files;
    std::string why_not = skerry::tests::enter_own_network(CLONE_NEWNS);
    if (why_not.empty() && !skerry::tests::ip("address add 198.18.0.1/24 dev lo")) why_not = "no address of its own";
    if (why_not.empty()) why_not = skerry::make_etc(files);
    if (!why_not.empty()) {
        std::cout << "skipped: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
