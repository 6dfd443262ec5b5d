// Does a send win that has the kernel refer to the program's pages instead of copying them? IORING_OP_SEND_ZC beside
// send(), for the size of one write.
//
// One thread sends 256 MiB to another, which receives them, by plain sockets on the loopback: each of 64 buffers is
// sent whole, and used again when the kernel has let go of it. Rounds of both ways alternate in one run. The counters
// are medians over the rounds: the CPU time of the sender's thread in milliseconds a gigabyte, gigabytes a second, and
// the ratios of both; and the share of sends that the kernel copied all the same, which on the loopback is all.

#include "common/bulk.hpp"

#include <benchmark/benchmark.h>

#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace skerry;
using bench::bytes_of_round;
using bench::Spent;

constexpr std::size_t buffers = 64;
constexpr int rounds = 15;

int need(int answer) {
    if (answer < 0) std::abort();
    return answer;
}

struct Connection {
    int sender;
    int receiver;
};

Connection connect_by_loopback() {
    const int listener = need(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    need(::bind(listener, reinterpret_cast<sockaddr*>(&address), length));
    need(::listen(listener, 1));
    need(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length));
    const int sender = need(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    need(::connect(sender, reinterpret_cast<sockaddr*>(&address), length));
    const int receiver = need(::accept(listener, nullptr, nullptr));
    ::close(listener);
    return {sender, receiver};
}

void receive_all(int fd) {
    std::vector<std::byte> buffer(256U << 10U);
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    }
}

using Buffers = std::array<std::vector<std::byte>, buffers>;

/// As the driver writes: at once, and when the kernel takes no more, after a poll.
void send_copied(int fd, const Buffers& from, std::size_t piece) {
    for (std::size_t sent = 0, next = 0; sent < bytes_of_round; ++next) {
        const std::vector<std::byte>& buffer = from[next % buffers];
        for (std::size_t done = 0; done < piece;) {
            const ssize_t took = ::send(fd, buffer.data() + done, piece - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (took < 0 && errno == EAGAIN) {
                pollfd room{fd, POLLOUT, 0};
                need(::poll(&room, 1, -1));
                continue;
            }
            done += static_cast<std::size_t>(need(static_cast<int>(took)));
        }
        sent += piece;
    }
}

/// One send at a time, as a task waits for its write; a buffer is free again when the kernel says so.
class ZeroCopy {
public:
    ZeroCopy() {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
        if (::io_uring_queue_init_params(2 * buffers, &ring_, &parameters) != 0)
            throw std::runtime_error("no io_uring");
        for (std::size_t i = 0; i < buffers; ++i) free_.push_back(i);
    }
    ZeroCopy(const ZeroCopy&) = delete;
    ZeroCopy& operator=(const ZeroCopy&) = delete;
    ~ZeroCopy() { ::io_uring_queue_exit(&ring_); }

    void send(int fd, const Buffers& from, std::size_t piece) {
        for (std::size_t sent = 0; sent < bytes_of_round; sent += piece) {
            while (free_.empty()) take_answers();
            const std::size_t next = free_.back();
            free_.pop_back();
            io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
            ::io_uring_prep_send_zc(entry, fd, from[next].data(), piece, MSG_NOSIGNAL | MSG_WAITALL, report_usage);
            ::io_uring_sqe_set_data64(entry, next);
            for (has_sent_ = false; !has_sent_;) take_answers();
        }
        while (free_.size() < buffers) take_answers();
    }

    [[nodiscard]] double share_copied() const { return static_cast<double>(copied_) / static_cast<double>(told_); }

private:
    static constexpr unsigned report_usage = 1U << 3U;     // IORING_SEND_ZC_REPORT_USAGE, Linux 6.2
    static constexpr unsigned usage_copied = 1U << 31U;    // IORING_NOTIF_USAGE_ZC_COPIED

    void take_answers() {
        need(::io_uring_submit_and_wait(&ring_, 1));
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* answer = nullptr;
        io_uring_for_each_cqe(&ring_, head, answer) {
            ++count;
            if ((answer->flags & IORING_CQE_F_NOTIF) == 0) {
                if (answer->res < 0)
                    throw std::runtime_error("no zero-copy send that tells of itself: Linux 6.2 has it");
                has_sent_ = true;
                if ((answer->flags & IORING_CQE_F_MORE) != 0) continue;
            } else {
                ++told_;
                copied_ += (static_cast<unsigned>(answer->res) & usage_copied) != 0;
            }
            free_.push_back(answer->user_data);
        }
        ::io_uring_cq_advance(&ring_, count);
    }

    io_uring ring_{};
    std::vector<std::size_t> free_;
    bool has_sent_ = false;
    std::size_t told_ = 0;
    std::size_t copied_ = 0;
};

template <class Send>
Spent measure(Send send) {
    const Connection connection = connect_by_loopback();
    std::thread receiver(receive_all, connection.receiver);
    const bench::BulkTimer timer;
    send(connection.sender);
    const Spent spent = timer.spent();
    ::close(connection.sender);
    receiver.join();
    ::close(connection.receiver);
    return spent;
}

void send_bulk(benchmark::State& state) try {
    const auto piece = static_cast<std::size_t>(state.range(0));
    Buffers from;
    for (auto& buffer : from) buffer.resize(piece);
    ZeroCopy ring;
    bench::Comparison comparison;
    for (auto _ : state) {
        const Spent copied = measure([&](int fd) { send_copied(fd, from, piece); });
        const Spent uncopied = measure([&](int fd) { ring.send(fd, from, piece); });
        comparison.add(copied, uncopied);
    }
    comparison.report(state, "send");
    state.counters["copied_anyway"] = ring.share_copied();
} catch (const std::runtime_error& error) {
    state.SkipWithError(error.what());
}
BENCHMARK(send_bulk)
    ->RangeMultiplier(2)
    ->Range(16U << 10U, 1U << 20U)
    ->Iterations(rounds)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
