#pragma once

// Hot path. A TCP connection of the kernel.
//
// One receive stays with the kernel for as long as the connection lives, and each of its answers brings a buffer with
// what came. A reader that waits is served from it at once; otherwise it is kept. Who keeps a few has the receive ended
// until they are read, so that the rest stays with the kernel and the peer's window closes: a reader that stalls does
// not take the buffers of others. What one visit to the kernel brings may be more than a few, up to all slots. Of
// what comes in bulk one buffer is asked for at a time: a receive that stays would end at the third anyhow, and an echo
// begins with the first while the second is still on its way. Who only reads asks for no more than 64 KiB of it,
// although the buffer has room for a little more: of messages of that size each would bring the beginning of the next.
// Who writes, too, is faster with all of the room.
//
// What is written is sent at once by a call of the kernel. Only where many connections have something to send in one
// turn, and wait until all of it is accepted, is it handed in together, when no task is ready or 80 us later.
//
// Where the core has no buffer left, a reader with memory of its own is served by a call of the kernel.
//
// On a core without a thread of its own the kernel ends a receive in front of a byte that the peer sent as urgent, and
// does not go on by itself: what is behind waits until more comes.

#include "../stream_writing.hpp"
#include "core_sockets.hpp"

#include <skerry/base/io_buf.hpp>

#include <cstddef>
#include <deque>
#include <memory>

namespace skerry::kernel_io::uring {

/// Buffers that nobody has read, oldest first.
class Unread {
public:
    [[nodiscard]] bool empty() const noexcept { return !first_; }
    [[nodiscard]] std::size_t count() const noexcept {
        return std::size_t{!empty()} + (behind_ != nullptr ? behind_->size() : 0);
    }
    [[nodiscard]] IoBuf& front() noexcept { return first_; }
    /// False: no memory, and `buffer` is left as it was.
    [[nodiscard]] bool push_back(IoBuf& buffer) noexcept;
    void pop_front() noexcept;
    void clear() noexcept {
        first_.reset();
        behind_.reset();
    }

private:
    IoBuf first_;
    std::unique_ptr<std::deque<IoBuf>> behind_;
};

// Its first two lines are what a message touches.
class Stream final : public Socket, private StreamWriting<Stream>, public backend::StreamSocket {
public:
    Stream(CoreSockets& core, OwnedFd fd) noexcept;

    void on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept override;
    void expect(unsigned purpose) const noexcept override;
    void orphan() noexcept override;

    /// `request` is woken when the connect of this socket has ended.
    void wait_for_connection(backend::ConnectRequest& request) noexcept;
    void forget_connect() noexcept { connecting_ = nullptr; }

    /// Asks the kernel to send what the writer wants to, without waiting: it answers only where it does not take all of
    /// it. False when there is nothing to send, or it cannot be asked now.
    [[nodiscard]] bool send_gathered() noexcept;
    /// The kernel has not answered that send: it took all.
    SKERRY_ALWAYS_INLINE void on_all_sent() noexcept {
        may_write = true;
        writer->bytes = writer->from.size();
        complete(*this, *writer);
    }

    static const backend::StreamOps operations;

private:
    friend StreamWriting<Stream>;

    static constexpr unsigned receiving = 0;  // purposes
    static constexpr unsigned room = 1;
    static constexpr unsigned data = 2;
    static constexpr std::size_t unread_max = 4;  // buffers
    // Those are copies, so that none is kept from others. Not at the first: of a thousand connections that ask in turn
    // each has one, and to end its receive and ask for it anew costs more than the copy.
    static constexpr std::size_t unread_max_scarce = 2;

    void on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept override;
    void try_again() noexcept override;

    void on_received(int result, std::uint32_t flags) noexcept;
    void on_not_received(int error) noexcept;
    void on_no_buffers() noexcept;
    void on_room() noexcept;
    void on_not_all_sent(int result) noexcept;
    void end_connect() noexcept;
    void receive() noexcept;
    void receive_more() noexcept {
        if (!is_requested(receiving) && failure_.code() == Errc::ok && unread_.count() < unread_limit()) receive();
    }
    [[nodiscard]] std::size_t unread_limit() const noexcept;
    void watch_data() noexcept;
    void watch_room() noexcept;
    void hand_to_reader(IoBuf& buffer) noexcept;
    void keep(IoBuf buffer) noexcept;
    void take(backend::ReadRequest& request) noexcept;
    backend::Step read_now(backend::ReadRequest& request) noexcept;
    backend::Step read_without_buffer(backend::ReadRequest& request) noexcept;

    static backend::Step read(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;
    static backend::Step write(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static backend::Step write_vectored(backend::StreamSocket& socket, backend::WriteRequest& request,
                                        backend::IoSlices slices) noexcept;
    static backend::Step write_with_others(backend::StreamSocket& socket) noexcept;
    /// Returns `step`.
    static backend::Step watch_room_of(backend::StreamSocket& socket, backend::Step step) noexcept;
    static bool has_room(backend::StreamSocket& socket) noexcept;
    static Result<> shutdown(backend::StreamSocket& socket, backend::ShutdownHow how) noexcept;
    static Error take_error(backend::StreamSocket& socket) noexcept;
    static void close(backend::StreamSocket* socket) noexcept;

    Unread unread_;
    backend::ConnectRequest* connecting_ = nullptr;
    Error failure_;  // behind what is unread
    bool has_ended_ = false;  // the peer's FIN came behind what is unread
};

}  // namespace skerry::kernel_io::uring
