// frame_peer DEVICES COUNT swapped|same: sends COUNT numbered frames by the first port and waits for them on the last
// one, in order, with their addresses exchanged or as they were, and with the payload that they left with. Prints one
// line, and ends when its standard input does: net_memif of DPDK 22.11 unmaps the rings that a peer leaves behind while
// the other side may be looking into them, so the other side stops first.

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using namespace skerry;
using Address = std::array<std::byte, 6>;

constexpr std::size_t header_bytes = 14;
constexpr std::size_t window = 128;  // under way at once; less than any ring on the way
constexpr Address to{std::byte{2}, {}, {}, {}, {}, std::byte{1}};
constexpr Address from{std::byte{2}, {}, {}, {}, {}, std::byte{2}};

// 60 to 1514 bytes, without the checksum, as Ethernet has them.
std::size_t length_of(std::uint64_t number) { return 60 + number * 37 % 1455; }

std::byte payload_at(std::uint64_t number, std::size_t index) { return static_cast<std::byte>(number * 7 + index); }

/// The bytes of frame `number` as they should be.
void fill(std::span<std::byte> data, std::uint64_t number, bool is_swapped) {
    std::memcpy(data.data(), (is_swapped ? from : to).data(), 6);
    std::memcpy(data.data() + 6, (is_swapped ? to : from).data(), 6);
    data[12] = std::byte{0x88};  // IEEE 802: for local experiments
    data[13] = std::byte{0xb5};
    for (std::size_t i = header_bytes; i < data.size(); ++i) data[i] = payload_at(number, i);
    std::memcpy(data.data() + header_bytes, &number, sizeof number);
}

struct Progress {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::string wrong;
};

void check_frame(const rte_mbuf& frame, bool is_swapped, Progress& progress) {
    std::array<std::byte, 2'048> expected;
    const std::uint64_t number = progress.received++;
    const auto wanted = std::span(expected).first(length_of(number));
    fill(wanted, number, is_swapped);
    const auto got = dpdk::bytes(frame);
    if (got.size() == wanted.size() && std::memcmp(got.data(), wanted.data(), got.size()) == 0) return;
    if (progress.wrong.empty())
        progress.wrong = "frame " + std::to_string(number) + ": " + std::to_string(got.size()) + " bytes, " +
                         std::to_string(wanted.size()) + " were sent; or they differ";
}

Task<> receive(dpdk::Port port, std::uint64_t count, bool is_swapped, Progress* progress) {
    std::array<rte_mbuf*, dpdk::burst_max> room;
    while (progress->received < count && progress->wrong.empty()) {
        const auto frames = std::span(room).first(co_await port.recv_burst(room));
        for (const rte_mbuf* frame : frames) check_frame(*frame, is_swapped, *progress);
        dpdk::Port::release(frames);
    }
}

Task<> send(dpdk::Port port, std::uint64_t count, Progress* progress) {
    while (progress->sent < count) {
        rte_mbuf* frame = progress->sent - progress->received < window ? port.allocate() : nullptr;
        if (frame == nullptr) {
            co_await yield_to_driver();
            continue;
        }
        const std::size_t length = length_of(progress->sent);
        rte_pktmbuf_append(frame, static_cast<std::uint16_t>(length));
        fill(dpdk::bytes(*frame), progress->sent, false);
        if (port.send_burst(std::span(&frame, 1)) == 1) {
            ++progress->sent;
        } else {
            dpdk::Port::release(std::span(&frame, 1));
            co_await yield_to_driver();
        }
    }
}

Task<> exchange(std::uint64_t count, bool is_swapped, Progress* progress) {
    for (std::size_t i = 0; i < dpdk::Port::count(); ++i)
        while (!dpdk::Port::open(i)->link().up) co_await yield_to_driver();
    auto sending = spawn(send(*dpdk::Port::open(0), count, progress));
    co_await receive(*dpdk::Port::open(dpdk::Port::count() - 1), count, is_swapped, progress);
    sending.abort();
    (void)co_await sending;
}

Task<bool> in_time_limit(Task<> exchanging) {
    co_return (co_await time::timeout(std::chrono::seconds{30}, std::move(exchanging))).has_value();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return std::fprintf(stderr, "frame_peer DEVICES COUNT swapped|same\n"), 2;
    runtime::Config config;
    config.dpdk = argv[1];
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
    if (!runtime) return std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), 1;
    const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
    Progress progress;
    auto exchanging = exchange(count, std::string(argv[3]) == "swapped", &progress);
    const bool in_time = runtime->block_on(in_time_limit(std::move(exchanging)));
    std::printf("sent %llu, received %llu%s%s%s\n", static_cast<unsigned long long>(progress.sent),
                static_cast<unsigned long long>(progress.received), in_time ? "" : ", and then nothing for too long",
                progress.wrong.empty() ? "" : ", wrong: ", progress.wrong.c_str());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return in_time && progress.wrong.empty() && progress.received == count ? 0 : 1;
}
