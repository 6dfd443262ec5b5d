#pragma once

// Hot path. The io_uring of one core: entries that go in, completions that come out, the doorbell.
//
// Nothing in flight refers to memory of a program while one of its tasks runs: data comes into buffers that the core
// provided, what is sent is sent at once or is over before the next task runs, and files are read and written in memory
// that the driver holds. So what a program drops is free at once, and only the driver's own objects wait for their
// completions.
//
// Completions that are due are not in the ring yet when their work waits for this thread to enter the kernel; a flag in
// the ring says so, and a core that spins enters only then.

#include "../os_socket.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <liburing.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace skerry::kernel_io::uring {

/// Asked for completions, and lives until the last of them has come. Purposes tell its requests apart, 0 to 7.
class alignas(8) Requester {
public:
    Requester() noexcept = default;
    Requester(const Requester&) = delete;
    Requester& operator=(const Requester&) = delete;

    /// `result` and `flags` as in io_uring_cqe.
    virtual void on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept = 0;

    /// A completion under `purpose` is one of the next: fetches what it will touch, but for the first lines of this,
    /// which are there.
    virtual void expect(unsigned /*purpose*/) const noexcept {}

protected:
    virtual ~Requester() = default;
};

/// More is never taken at once, and an entry has 32 bits for it.
inline constexpr std::size_t at_once_max = std::size_t{1} << 30;

/// A send that does not wait and is over when it has been handed in. Only where the kernel did not take all of `bytes`,
/// at most at_once_max, it answers, with how many it took or with the error.
inline void prepare_send_at_once(io_uring_sqe* entry, int fd, std::span<const std::byte> bytes) noexcept {
    SKERRY_DEBUG_ASSERT(bytes.size() <= at_once_max, "a send is as long as an entry can say");
    // To wait for all, and not to wait: less than all is a failure then.
    ::io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

class Ring {
public:
    static constexpr unsigned entries_max = 1024;  // between two entries into the kernel
    static constexpr unsigned completions_max = 8192;  // the kernel keeps more in a list
    static constexpr unsigned completions_per_turn = 64;

    /// With a `single_thread` all calls are made by the one that makes it, but ring(); then the kernel does less.
    ///
    /// Errors: what the kernel says; see refusal().
    [[nodiscard]] static Result<Ring> make(bool single_thread) noexcept;

    Ring(Ring&& other) noexcept
        : ring_(other.ring_),
          doorbell_(std::move(other.doorbell_)),
          is_made_(std::exchange(other.is_made_, false)),
          wait_flags_(other.wait_flags_),
          is_doorbell_watched_(other.is_doorbell_watched_),
          is_signal_due_(other.is_signal_due_) {}
    Ring& operator=(Ring&&) = delete;
    ~Ring();

    /// Asks the kernel for what `prepare(io_uring_sqe*)` writes; `requester` hears of it under `purpose`. False when
    /// the kernel takes nothing more now.
    template <class Prepare>
    [[nodiscard]] bool request(Requester& requester, unsigned purpose, Prepare prepare) noexcept {
        return request_tagged(tag(requester, purpose), prepare);
    }

    /// Ends that request, which is under way, before this returns; completions that came before, and the one that says
    /// so, follow. True when one of them has a result above 0. One call of the kernel, or a few where much has come.
    [[nodiscard]] bool end(const Requester& requester, unsigned purpose) noexcept;

    /// Asks the kernel to end that request. The answer to this comes under `purpose_of_answer`.
    [[nodiscard]] bool cancel(Requester& requester, unsigned purpose, unsigned purpose_of_answer) noexcept {
        return request(requester, purpose_of_answer, [tagged = tag(requester, purpose)](io_uring_sqe* entry) {
            ::io_uring_prep_cancel64(entry, tagged, 0);
        });
    }

    /// The same without an answer to this, for who has nothing more to hear of. Where the kernel takes nothing more now
    /// the request goes on.
    void cancel_unheard(const Requester& requester, unsigned purpose) noexcept;

    /// The entry that is being prepared is a write that may pass the limit of a file's size: the kernel then sends
    /// SIGXFSZ to the thread that hands it in, whose default ends the process. Not before it has its place, as to make
    /// one the others may go in.
    void expect_size_signal() noexcept { is_signal_due_ = true; }

    [[nodiscard]] unsigned entries() const noexcept { return io_uring_sq_ready(&ring_); }
    [[nodiscard]] bool has_entries() const noexcept { return entries() != 0; }
    [[nodiscard]] unsigned completions() const noexcept { return io_uring_cq_ready(&ring_); }
    [[nodiscard]] bool has_completions() const noexcept { return io_uring_cq_ready(&ring_) != 0; }

    /// Enters the kernel if it has something to take or to bring. True when it did.
    SKERRY_ALWAYS_INLINE bool look() noexcept {
        if (!has_entries() && !wants_entering()) return false;
        enter();
        return true;
    }

    /// Hands entries in.
    void submit() noexcept;
    /// Hands entries in and lets nothing come but what ends meanwhile: what is due stays with the kernel.
    void hand_in() noexcept;
    /// Hands entries in and lets completions that are due come.
    void enter() noexcept;

    /// The number of the completion that comes next.
    [[nodiscard]] unsigned next_completion() const noexcept { return IO_URING_READ_ONCE(*ring_.cq.ktail); }
    /// Hands out those under `purpose` from number `first` on that have not been, in front of all others; returns how
    /// many. dispatch() counts each of them once more.
    int dispatch_first(unsigned purpose, unsigned first) noexcept;
    /// Whether the kernel keeps completions that found no room; enter() brings them.
    [[nodiscard]] bool has_overflowed() const noexcept {
        return (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
    }

    /// Hands out completions that are there, at most so many; returns how many.
    int dispatch(unsigned limit = completions_per_turn) noexcept;

    /// Hands entries in and waits for a completion. False when the kernel refuses to wait.
    [[nodiscard]] bool wait() noexcept;

    /// Where the kernel has ended that, or could not begin.
    void watch_doorbell_again() noexcept {
        if (!is_doorbell_watched_) [[unlikely]]
            watch_doorbell();
    }

    /// Hands entries in and waits for a completion, the doorbell or `wake_at`. Does not wait while the kernel cannot
    /// watch the doorbell.
    void park(time::Instant wake_at) noexcept;

    /// Threads: any.
    void ring() noexcept;

    /// Readable while there are completions.
    [[nodiscard]] int fd() const noexcept { return ring_.ring_fd; }
    [[nodiscard]] io_uring& raw() noexcept { return ring_; }

    /// Ends every request, and hands out their completions.
    void end_all() noexcept;

    /// The thread that made it goes.
    void leave() noexcept;

private:
    Ring(const io_uring& ring, OwnedFd doorbell, bool is_registered) noexcept
        : ring_(ring),
          doorbell_(std::move(doorbell)),
          wait_flags_(IORING_ENTER_GETEVENTS | (is_registered ? IORING_ENTER_REGISTERED_RING : 0U)) {}

    [[nodiscard]] bool wants_entering() const noexcept {
        return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }
    void fetch_ahead(unsigned there) const noexcept;
    [[nodiscard]] bool has_room() const noexcept { return io_uring_cq_ready(&ring_) <= ring_.cq.ring_mask; }
    void watch_doorbell() noexcept;
    void wait_only() noexcept;
    void hand_in_and_wait(time::Instant wake_at) noexcept;
    void submit_without_signal() noexcept;

    /// What the completions of a request that are there say.
    struct Answers {
        bool has_result = false;  // above 0
        bool is_last = false;
    };
    [[nodiscard]] Answers answers_to(std::uint64_t tagged) const noexcept;

    [[nodiscard]] static std::uint64_t tag(const Requester& requester, unsigned purpose) noexcept {
        return reinterpret_cast<std::uintptr_t>(&requester) | purpose;
    }
    template <class Prepare>
    [[nodiscard]] bool request_tagged(std::uint64_t tagged, Prepare prepare) noexcept {
        io_uring_sqe* const entry = next_entry();
        if (entry == nullptr) [[unlikely]]
            return false;
        prepare(entry);
        entry->user_data = tagged;
        return true;
    }
    /// Null when the kernel takes none now.
    [[nodiscard]] SKERRY_ALWAYS_INLINE io_uring_sqe* next_entry() noexcept {
        io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
        return entry != nullptr ? entry : entry_of_full_queue();
    }
    [[nodiscard]] io_uring_sqe* entry_of_full_queue() noexcept;

    io_uring ring_;
    OwnedFd doorbell_;
    bool is_made_ = true;
    unsigned wait_flags_;  // one of them says that its descriptor is registered with the thread
    bool is_doorbell_watched_ = false;
    bool is_signal_due_ = false;
};

}  // namespace skerry::kernel_io::uring
