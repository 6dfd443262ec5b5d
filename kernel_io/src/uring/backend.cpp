#include "backend.hpp"

#include "driver.hpp"

#include <skerry/runtime/core_loop.hpp>

#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::kernel_io::uring {

namespace {

using backend::SetupError;

std::string refusal(const Error& error, std::string_view doing = "cannot make a ring") {
    std::string text = std::string(doing) + ": " + error.message();
    switch (error.os_error()) {
        case ENOSYS: return text + "; the kernel has no io_uring, or a filter of the container hides it";
        case EPERM:
        case EACCES:
            return text + "; io_uring is forbidden: see /proc/sys/kernel/io_uring_disabled and the container's filter";
        case EMFILE:
        case ENFILE: return text + "; raise the limit with ulimit -n";
        case ENOMEM: return text + "; raise the limit of locked memory, ulimit -l, or of memory, ulimit -v";
        case EINVAL: return text + "; it needs Linux 6.1";
        default: return text;
    }
}

constexpr std::string_view providing = "cannot give a ring its receive buffers";

/// Two sockets that hear each other.
struct Pair {
    OwnedFd here;
    OwnedFd there;
};

Result<Pair> make_pair_of_sockets() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return last_error();
    return Pair{OwnedFd(ends[0]), OwnedFd(ends[1])};
}

/// Hears whether one byte came by a multishot receive into a provided buffer.
class ReceiveTrial final : public Requester {
public:
    void on_completion(unsigned, int result, std::uint32_t flags) noexcept override {
        worked |= result == 1 && (flags & IORING_CQE_F_MORE) != 0 && (flags & IORING_CQE_F_BUFFER) != 0;
    }
    bool worked = false;
};

// Kernels before 6.0 make a ring, but take no multishot receive; and what stands between may do as it likes.
backend::Probe try_receive(Ring& ring, const Pair& sockets) {
    auto buffers = std::make_unique<ReceiveBuffers>(no_home_core);
    if (auto provided = buffers->provide(ring); !provided) return {false, refusal(provided.error(), providing)};
    if (::write(sockets.there.get(), "x", 1) != 1)
        return {false, "cannot write into a socket: " + last_error().message()};
    ReceiveTrial trial;
    const bool asked = ring.request(trial, 0, [&](io_uring_sqe* entry) {
        ::io_uring_prep_recv_multishot(entry, sockets.here.get(), nullptr, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = ReceiveBuffers::group;
    });
    ring.submit();
    for (int looks = 0; looks < 3 && asked && !ring.has_completions(); ++looks) ring.enter();
    ring.dispatch();
    ring.end_all();
    buffers->withdraw(ring);
    if (!trial.worked) return {false, "no multishot receive into provided buffers; it needs Linux 6.1"};
    return {true, {}};
}

/// Hears of sends that are answered only where the kernel does not take all.
class SendTrial final : public Requester {
public:
    static constexpr unsigned of_little = 0;  // purposes
    static constexpr unsigned of_much = 1;
    static constexpr int much_bytes = 256 * 1024;

    void on_completion(unsigned purpose, int result, std::uint32_t) noexcept override {
        heard_of_little |= purpose == of_little;
        heard_of_much |= purpose == of_much && result > 0 && result < much_bytes;
    }
    bool heard_of_little = false;
    bool heard_of_much = false;
};

// Where it is not told of a part, the rest would be lost.
backend::Probe try_send(Ring& ring, const Pair& sockets) {
    constexpr int room = 16 * 1024;
    (void)::setsockopt(sockets.here.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    const std::vector<std::byte> much(SendTrial::much_bytes);
    SendTrial trial;
    const auto ask = [&](unsigned purpose, std::size_t bytes) {
        return ring.request(trial, purpose, [&](io_uring_sqe* entry) {
            prepare_send_at_once(entry, sockets.here.get(), std::span(much).first(bytes));
        });
    };
    const bool asked = ask(SendTrial::of_little, 1) && ask(SendTrial::of_much, much.size());
    ring.enter();
    ring.dispatch();
    ring.end_all();
    if (!asked || trial.heard_of_little) return {false, "the kernel does not send one byte into an empty socket"};
    if (!trial.heard_of_much) return {false, "no word of a send that was cut short; it needs Linux 6.1"};
    return {true, {}};
}

}  // namespace

backend::Probe probe(const backend::Options& options) {
    auto ring = Ring::make(false);
    if (!ring) return {false, refusal(ring.error())};
    auto sockets = make_pair_of_sockets();
    if (!sockets) return {false, refusal(sockets.error(), "cannot make a socket")};
    if (auto receive = try_receive(*ring, *sockets); !receive.usable) return receive;
    if (auto send = try_send(*ring, *sockets); !send.usable) return send;
    std::string reason = "the kernel's sockets, completions by io_uring";
    if (options.by_ladder && standing(options) == Standing::ahead)
        reason += "; from Linux 6.18 on it is ahead of epoll";
    return {true, std::move(reason)};
}

std::string_view why_epoll(Standing standing) noexcept {
    switch (standing) {
        case Standing::behind_on_old_kernels: return "; with streams io_uring is ahead of it from Linux 6.18 on";
        case Standing::behind_without_threads: return "; with streams io_uring is ahead of it on threads of its own";
        case Standing::behind_with_datagrams: return "; with datagrams it is ahead of io_uring";
        case Standing::ahead: break;
    }
    return {};
}

Standing standing(const backend::Options& options) noexcept {
    utsname system{};
    return standing_on(::uname(&system) == 0 ? system.release : "", options);
}

Standing standing_on(const char* release, const backend::Options& options) noexcept {
    int major = 0;
    int minor = 0;
    if (std::sscanf(release, "%d.%d", &major, &minor) != 2 || std::pair(major, minor) < std::pair(6, 18))
        return Standing::behind_on_old_kernels;
    if (!options.have_own_threads) return Standing::behind_without_threads;
    return options.mostly_datagrams ? Standing::behind_with_datagrams : Standing::ahead;
}

Result<std::unique_ptr<backend::Core>, SetupError> make_core(const backend::CoreSetup& setup) {
    auto ring = Ring::make(setup.has_own_thread);
    if (!ring) return Unexpected(SetupError{"io_uring: " + refusal(ring.error())});
    auto poller = epoll::Poller::make();
    if (!poller) return Unexpected(SetupError{"io_uring: " + epoll::refusal(poller.error())});
    Error no_buffers;
    std::unique_ptr<backend::Core> core = std::make_unique<runtime::CoreLoop<Driver>>(
        setup, std::move(*ring), std::move(*poller), setup.scheduler->home(), no_buffers);
    if (no_buffers != Errc::ok) return Unexpected(SetupError{"io_uring: " + refusal(no_buffers, providing)});
    return core;
}

}  // namespace skerry::kernel_io::uring
