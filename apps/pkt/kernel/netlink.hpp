#pragma once

// Questions to the kernel by netlink: interfaces, addresses and routes (rtnetlink), connections (sock_diag). One at a
// time, each with its answer.

#include "../host/outcome.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace skerry::pkt::kernel {

/// A header, a body of the message's type, and attributes behind it.
class NetlinkRequest {
public:
    /// `flags` beside NLM_F_REQUEST.
    template <class Body>
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, const Body& body)
        : NetlinkRequest(type, flags, std::as_bytes(std::span(&body, 1))) {}
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> body);

    void add(std::uint16_t attribute, std::span<const std::byte> value);
    void add(std::uint16_t attribute, std::uint32_t value) { add(attribute, std::as_bytes(std::span(&value, 1))); }

    /// Its length and `sequence` are filled in.
    [[nodiscard]] std::span<const std::byte> finish(std::uint32_t sequence);

private:
    void append(std::span<const std::byte> part);

    std::vector<std::byte> bytes_;
};

/// A socket of the namespace in which the thread was when it was opened.
///
/// Threads: one.
class Netlink {
public:
    /// `protocol` is NETLINK_ROUTE and its like.
    ///
    /// Errors: a reason.
    [[nodiscard]] static Result<Netlink, Unsupported> open(int protocol);

    /// Of one answer, behind its header.
    using Each = std::function<void(std::span<const std::byte> body)>;

    /// Waits until it is done. 0, or the errno with which it was refused.
    [[nodiscard]] int ask(NetlinkRequest request);
    /// Waits for all that is told. 0, or an errno.
    [[nodiscard]] int list(NetlinkRequest request, const Each& each);

private:
    /// How a message, or all that came with it, ends the conversation.
    struct Heard {
        bool is_last = false;
        int error = 0;
    };

    explicit Netlink(OwnedFd fd) : fd_(std::move(fd)), room_(std::size_t{1} << 16U) {}
    [[nodiscard]] Heard hear(std::span<const std::byte> messages, const Each& each) const;
    [[nodiscard]] static Heard judge(std::uint16_t type, std::span<const std::byte> body, const Each& each);

    OwnedFd fd_;
    std::uint32_t sequence_ = 0;
    std::vector<std::byte> room_;
};

}  // namespace skerry::pkt::kernel
