#pragma once

// The kernel's end of a TAP device, on a thread of its own: a packet socket that sends back what comes for one
// receiver, as it came. What is for many (ARP's questions, groups) it keeps, since a wire does not return it.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

namespace skerry::tests {

class KernelReflector {
public:
    /// On the device of this name, in the network of the calling thread.
    explicit KernelReflector(const std::string& device)
        : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL))),
          stop_(::eventfd(0, EFD_CLOEXEC)) {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
        constexpr int room = 32 << 20;
        (void)::setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        (void)::setsockopt(socket_, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
        if (socket_ < 0 || ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            failure_ = "no packet socket on " + device + ": " + std::strerror(errno);
            return;
        }
        thread_ = std::thread([this] { run(); });
    }
    KernelReflector(const KernelReflector&) = delete;
    KernelReflector& operator=(const KernelReflector&) = delete;
    ~KernelReflector() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
        if (thread_.joinable()) thread_.join();
        ::close(socket_);
        ::close(stop_);
    }

    /// Why it does not run; empty when it does.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

private:
    // net_tap tells the process of each frame by a signal. Taken here it would end the wait, and the core that waits
    // for it would have to wait until this thread has handled it.
    void run() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        std::array<pollfd, 2> watched{{{socket_, POLLIN, 0}, {stop_, POLLIN, 0}}};
        while (::poll(watched.data(), watched.size(), -1) >= 0 && watched[1].revents == 0) reflect();
    }

    // An error is the device going down between two cases.
    void reflect() noexcept {
        std::array<unsigned char, 2048> frame;
        sockaddr_ll from{};
        socklen_t length = sizeof from;
        const auto bytes =
            ::recvfrom(socket_, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        if (bytes <= 0 || from.sll_pkttype == PACKET_OUTGOING || (frame[0] & 1U) != 0) return;
        [[maybe_unused]] const auto sent = ::send(socket_, frame.data(), static_cast<std::size_t>(bytes), 0);
    }

    int socket_;
    int stop_;
    std::string failure_;
    std::thread thread_;  // last: it uses the others
};

}  // namespace skerry::tests
