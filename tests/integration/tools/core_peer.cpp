// core_peer accept|ask --dpdk=DEVICES --ip=IP/PREFIX [--ip6=IP/PREFIX] --cores=LIST --address=IP:PORT [--core=N]
//           [--count=N]
//
// accept: one bind and one accept loop, on core N, which answers every connection with what it gets until SIGTERM; then
// prints how many there were. ask: each core makes COUNT connections there, all open at once, says something different
// on each and checks the answer; prints how many were answered.

#include <skerry/dpdk/backend.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/signal/signal.hpp>
#include <skerry/task/cancel.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace skerry;

struct Settings {
    std::string role;
    std::string dpdk;
    std::string ip;
    topology::CpuSet cores;
    net::SocketAddr address;
    std::uint16_t core = 0;
    std::uint32_t count = 1;
};

/// The value of `--name=value`; ends the program when it is missing and there is no other.
std::string value_of(int argc, char** argv, std::string_view name, const char* other = nullptr) {
    for (int i = 2; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument.starts_with(name)) return std::string(argument.substr(name.size()));
    }
    if (other != nullptr) return other;
    std::fprintf(stderr, "core_peer: %.*s is missing\n", static_cast<int>(name.size()), name.data());
    std::exit(2);
}

// --- accept

Task<> answer(net::TcpStream stream) {
    for (;;) {
        auto data = co_await stream.read_buf();
        if (!data || data->empty()) co_return;
        auto written = co_await stream.write_buf(std::move(*data));
        if (!written) co_return;
    }
}

Task<std::uint64_t> accept_all(net::SocketAddr address, CancellationToken stop) {
    auto listener = net::TcpListener::bind(address);
    if (!listener) co_return std::fprintf(stderr, "core_peer: %s\n", listener.error().message().c_str()), 0;
    std::printf("core_peer: listens\n");
    std::fflush(stdout);
    JoinSet<void> connections;
    std::uint64_t count = 0;
    for (;;) {
        auto event = co_await select_biased(stop.cancelled(), listener->accept());
        if (event.index() == 0 || !std::get<1>(event)) break;
        ++count;
        connections.spawn(answer(std::move(*std::get<1>(event))));
        while (connections.try_join_next()) {
        }
    }
    co_return count;
}

Task<std::uint64_t> steered_here() { co_return runtime::core_stats().sockets.steered; }

Task<std::uint64_t> steered_anywhere() {
    std::uint64_t sum = 0;
    auto asked = on_each_core(&steered_here);
    for (auto& core : asked) sum += *co_await core;
    co_return sum;
}

Task<int> accept_until_told(const Settings* settings) {
    CancellationToken stop;
    auto accepting = spawn_on(task::CoreId(settings->core), accept_all(settings->address, stop));
    (void)co_await signal::terminate();
    stop.cancel();
    const auto count = co_await accepting;
    const std::uint64_t steered = co_await steered_anywhere();
    std::printf("core_peer: accepted %llu, steered %llu\n", static_cast<unsigned long long>(count ? *count : 0),
                static_cast<unsigned long long>(steered));
    co_return 0;
}

// --- ask

std::vector<std::byte> words_of(std::uint64_t number) {
    std::vector<std::byte> words(1 + number * 7919 % 20'000);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::byte>(number * 31 + i * 7 + i / 251);
    return words;
}

Task<bool> write_all(net::OwnedWriteHalf* half, std::span<const std::byte> words) {
    auto written = co_await half->write_all(words);
    co_return written.has_value();
}

Task<bool> ask_one(net::SocketAddr address, std::uint64_t number) {
    auto stream = co_await net::TcpStream::connect(address);
    if (!stream) co_return false;
    const std::vector<std::byte> words = words_of(number);
    std::vector<std::byte> answer(words.size());
    auto halves = std::move(*stream).into_split();
    auto writing = spawn(write_all(&halves.second, words));
    auto got = co_await halves.first.read_exact(answer);
    const auto written = co_await writing;
    co_return got&& written && *written&& answer == words;
}

Task<std::uint64_t> ask_many(net::SocketAddr address, std::uint32_t count) {
    JoinSet<bool> asking;
    for (std::uint32_t i = 0; i < count; ++i) asking.spawn(ask_one(address, this_core().index * 100'000U + i));
    std::uint64_t good = 0;
    while (auto ended = co_await asking.join_next()) good += *ended && **ended ? 1 : 0;
    co_return good;
}

Task<int> ask_from_all_cores(const Settings* settings) {
    std::uint64_t good = 0;
    auto asking = on_each_core(&ask_many, settings->address, settings->count);
    for (auto& core : asking) {
        const auto count = co_await core;
        good += count ? *count : 0;
    }
    std::printf("core_peer: answered %llu\n", static_cast<unsigned long long>(good));
    std::fflush(stdout);
    (void)co_await signal::terminate();  // the other side stops first
    co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto cores = topology::CpuSet::parse(value_of(argc, argv, "--cores="));
    const auto address = net::SocketAddr::parse(value_of(argc, argv, "--address="));
    if (argc < 2 || !cores || !address) return std::fprintf(stderr, "core_peer: see its first lines\n"), 2;
    Settings settings;
    settings.address = *address;
    settings.core = static_cast<std::uint16_t>(std::atoi(value_of(argc, argv, "--core=", "0").c_str()));
    settings.count = static_cast<std::uint32_t>(std::atoi(value_of(argc, argv, "--count=", "1").c_str()));
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = value_of(argc, argv, "--dpdk=");
    config.ip = value_of(argc, argv, "--ip=");
    config.ip6 = value_of(argc, argv, "--ip6=", "");
    config.cores = *cores;
    config.idle = runtime::IdlePolicy::adaptive;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).offer(kernel_io::make_backend()).build();
    if (!runtime) return std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), 1;
    return runtime->block_on(std::string_view(argv[1]) == "ask" ? ask_from_all_cores(&settings)
                                                                : accept_until_told(&settings));
}
