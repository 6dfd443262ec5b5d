#pragma once

// The sockets of one core: what net:: makes here, and what they share.

#include "../accepting.hpp"
#include "../message_arrays.hpp"
#include "receive_buffers.hpp"
#include "socket.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/intrusive_list.hpp>

#include <cstdint>
#include <utility>

namespace skerry::kernel_io::uring {

class DatagramPort;
class Listener;
class Stream;

class CoreSockets final : public backend::SocketFactory {
public:
    /// Lives where `ring` lives, and no longer.
    /// As Driver.
    CoreSockets(Ring& ring, std::uint16_t home, Error& refused);
    ~CoreSockets() { end(); }

    /// Ends what is under way, on the ring's thread if it has one of its own; sockets that programs hold are orphaned.
    void end() noexcept;

    [[nodiscard]] backend::Capabilities capabilities() const noexcept override;
    [[nodiscard]] backend::SocketStats stats() const noexcept override;
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override;
    void cancel_connect(backend::ConnectRequest& request) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options) noexcept override;
    [[nodiscard]] Result<backend::StreamSocket*> adopt_stream(OwnedFd fd) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> adopt_listener(OwnedFd fd) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> adopt_datagram(OwnedFd fd) noexcept override;

    [[nodiscard]] Ring& ring() noexcept { return ring_; }
    /// Whether nothing may be asked for any more.
    [[nodiscard]] bool is_ending() const noexcept { return is_ending_; }
    [[nodiscard]] ReceiveBuffers& buffers() noexcept { return buffers_; }
    [[nodiscard]] SendArray& sent_messages() noexcept { return sent_; }
    [[nodiscard]] std::uint16_t home() const noexcept { return home_; }
    /// When what is being handed out had come.
    [[nodiscard]] time::Instant seen_at() const noexcept { return seen_at_; }
    void set_seen_at(time::Instant now) noexcept { seen_at_ = now; }
    void count_accepted() noexcept { ++counts_.accepted; }
    void count_no_buffers() noexcept { ++counts_.no_buffers; }

    /// Lists a new socket. A ring need not be told of it, so nothing can fail.
    Result<> enroll(Socket& socket) noexcept;
    void descriptor_closed() noexcept {
        --counts_.open;
        paused_.descriptor_closed();
    }

    /// Has the receive of `port` woken when all completions of this turn are handed out.
    void complete_later(DatagramPort& port) noexcept;
    void complete_all() noexcept {
        if (to_complete_ != nullptr) complete_ports();
    }

    /// Whether so many completions, whatever of, were handed out before these tasks run that what they send is worth
    /// gathering: one call of the kernel sends it all then. A few send at once, each by a call of its own, and their
    /// peers have it sooner.
    [[nodiscard]] bool gathers_sends() const noexcept { return handed_out_ >= gathered_min; }
    void set_handed_out(int completions) noexcept { handed_out_ = std::exchange(carried_, 0) + completions; }
    /// Has what the writer of `stream` wants to send leave soon, if it still wants to: when no task is ready any more,
    /// or at the end of the turn in which gather_limit is over.
    void send_later(Stream& stream) noexcept;
    [[nodiscard]] bool has_to_send() const noexcept { return first_to_send_ != nullptr; }
    /// At the end of the turn that began at `turn_start`: keeps it for what tasks that are ready send. False when it
    /// has been kept for long enough.
    [[nodiscard]] bool keep_gathered(time::Instant turn_start) noexcept {
        if (!std::exchange(is_kept_, true)) kept_since_ = turn_start;
        return time::Instant::now() - kept_since_ < gather_limit;
    }
    /// Sends what was gathered, and hands out completions. No task runs before each send is over, so that none refers
    /// to a program's memory when one does.
    void send_gathered() noexcept;
    /// Whether that, a moment ago, brought so much that what it wakes will send together again: then the kernel is
    /// entered with that, and not before.
    [[nodiscard]] bool has_brought_many() const noexcept { return carried_ >= gathered_min; }

    /// Has `socket` try again in the next turn.
    void try_later(Socket& socket) noexcept;

    /// The kernel had no buffer for `socket`, which asks again when there is one, behind those that had none before.
    void wait_for_buffer(Socket& socket) noexcept;
    /// Then the next turn comes at once: some of them ask in each.
    [[nodiscard]] bool waits_for_buffer() const noexcept { return first_without_buffer_ != nullptr; }

    /// What a turn does beside completions: new buffers, requests that could not be made, listeners that were paused.
    /// True when a listener accepts again.
    SKERRY_ALWAYS_INLINE bool tend(time::Instant now) noexcept {
        buffers_.refill();
        if (first_without_buffer_ != nullptr) [[unlikely]]
            give_buffers();
        if (to_try_ != nullptr) [[unlikely]]
            try_all();
        return !paused_.empty() && resume_due(now);
    }

    void pause(Listener& listener) noexcept;
    void forget(Listener& listener) noexcept;
    [[nodiscard]] time::Instant next_retry() const noexcept { return to_try_ != nullptr ? next_try_ : paused_.due(); }

private:
    static constexpr auto try_interval = std::chrono::milliseconds{1};
    static constexpr int gathered_min = 8;
    // A thousand connections that ask in turn, rate beside the bare loop's at 20, 40 and 80 us: 0.95, 0.96, 0.97.
    static constexpr auto gather_limit = std::chrono::microseconds{80};
    static constexpr int handed_out_at_once = 16;

    [[nodiscard]] Stream* ask_for_sends() noexcept;
    void complete_ports() noexcept;
    void give_buffers() noexcept;
    void try_all() noexcept;
    bool resume_due(time::Instant now) noexcept;

    Ring& ring_;
    std::uint16_t home_;
    ReceiveBuffers buffers_;
    SendArray sent_;
    backend::SocketStats counts_;  // but the buffers
    IntrusiveList<Socket> sockets_;
    PausedListeners<Listener> paused_;
    bool is_ending_ = false;
    Socket* to_try_ = nullptr;
    time::Instant next_try_;
    Socket* first_without_buffer_ = nullptr;  // linked by next_to_try_
    Socket* last_without_buffer_ = nullptr;
    unsigned without_buffer_ = 0;  // so many
    bool were_too_few_ = false;  // buffers, in this turn
    DatagramPort* to_complete_ = nullptr;
    Stream* first_to_send_ = nullptr;  // linked by next_to_send_
    Stream* last_to_send_ = nullptr;
    bool is_kept_ = false;  // over the ends of turns, the first of which began then:
    time::Instant kept_since_;
    int handed_out_ = 0;  // completions
    int carried_ = 0;  // of those, what the end of the turn before handed out beside its sends' answers
    time::Instant seen_at_;
};

}  // namespace skerry::kernel_io::uring
