#pragma once

// What every socket of a core is: the owner of its descriptor, listed, and alive until the kernel has nothing more to
// say about it.

#include "ring.hpp"

#include <skerry/base/cache_line.hpp>
#include <skerry/base/intrusive_list.hpp>

#include <cstdint>

namespace skerry::kernel_io::uring {

class CoreSockets;
class Stream;

class alignas(cache_line_bytes) Socket : public Requester, public ListLink {
public:
    static constexpr unsigned failed_at_once = 6;  // a purpose

    Socket(CoreSockets& core, OwnedFd fd) noexcept : core_(&core), fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] CoreSockets& core() const noexcept { return *core_; }

    void on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept override;

    /// The core's driver goes away while a program still holds the socket: from now on every operation answers
    /// runtime_shutdown.
    virtual void orphan() noexcept = 0;

    /// Does what could not be done before.
    void try_now() noexcept;

protected:
    virtual void on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept = 0;
    virtual void try_again() noexcept = 0;

    /// Asks for something whose answers on_answer() gets, one thing for each purpose, 0 to 3, at a time. When the
    /// kernel takes nothing more now, try_again() is called in the next turn.
    template <class Prepare>
    void request(unsigned purpose, Prepare prepare) noexcept {
        if (!may_request()) [[unlikely]]
            return;
        if (ring().request(*this, purpose, prepare)) [[likely]]
            requested_ |= static_cast<std::uint8_t>(1U << purpose);
        else
            try_later();
    }
    [[nodiscard]] bool is_requested(unsigned purpose) const noexcept { return (requested_ >> purpose & 1) != 0; }
    /// Asks for something that is over when it has been handed in: on_answer() hears of a failure only, under
    /// failed_at_once. False when the core ends, or the kernel takes nothing more now; then try_again() is called.
    template <class Prepare>
    [[nodiscard]] bool request_at_once(Prepare prepare) noexcept {
        if (!may_request()) [[unlikely]]
            return false;
        const bool is_taken = ring().request(*this, failed_at_once, prepare);
        if (!is_taken) [[unlikely]]
            try_later();
        return is_taken;
    }
    /// Ends a request that is under way; its last answer follows.
    void cancel(unsigned purpose) noexcept;
    /// Whether it was cancelled, and that answer has not come.
    [[nodiscard]] bool is_ending(unsigned purpose) const noexcept { return (ending_ >> purpose & 1) != 0; }

    /// The program lets go, and the descriptor is closed: by a reset when the caller says so, or when answers that
    /// nobody will read wait under purpose 0, what comes in. This is gone when the last answer has come.
    void let_go(bool resets = false) noexcept;
    [[nodiscard]] bool is_let_go() const noexcept { return is_let_go_; }
    /// With others; see CoreSockets::send_later().
    [[nodiscard]] bool will_send() const noexcept { return will_send_; }
    void forget_send() noexcept { will_send_ = false; }

    void close_fd() noexcept { fd_ = OwnedFd(); }
    void forget_core() noexcept { core_ = nullptr; }

private:
    friend CoreSockets;

    [[nodiscard]] Ring& ring() const noexcept;
    [[nodiscard]] bool may_request() const noexcept;
    void try_later() noexcept;
    /// Ends a request before this returns; true when answers with a result above 0 are still to be handed out.
    [[nodiscard]] bool end_now(unsigned purpose) noexcept;
    void end_if_over() noexcept;

    Socket* next_to_try_ = nullptr;  // of those that try again
    Stream* next_to_send_ = nullptr;  // of those that send together
    CoreSockets* core_;
    OwnedFd fd_;
    std::uint8_t requested_ = 0;  // one bit for each purpose
    std::uint8_t ending_ = 0;
    std::uint8_t cancels_ = 0;  // whose answers have not come
    bool is_let_go_ = false;
    bool is_answering_ = false;
    bool will_try_ = false;
    bool will_send_ = false;
};
static_assert(sizeof(Socket) == cache_line_bytes, "each completion touches one line of it");

}  // namespace skerry::kernel_io::uring
