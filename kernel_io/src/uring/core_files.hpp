#pragma once

// Hot path. The files of one core: reads, writes and syncs as requests of its ring. What the tasks of one turn ask for
// goes in with one entry into the kernel, at the turn's end, or where it is more with one for each eight.
//
// An operation owns the descriptor and the memory until its completion has come, whether somebody still waits for it or
// not. So giving up costs nothing and waits for nothing; only the end of the core waits, for what a disk has begun and
// nobody can stop. A file system that never answers (a server that is gone, without a timeout) holds that end up, as it
// holds up a thread of the blocking pool.
//
// The kernel has so many at a time that their completions, and those of cancels, always fit the ring beside those of
// the sockets; what is more waits here in the order in which it came.
//
// Descriptors and memory are not registered with the ring: "Files" in bench/README.md says what that would give.

#include "file_buffers.hpp"
#include "ring.hpp"

#include <skerry/backend/file_ops.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/intrusive_list.hpp>
#include <skerry/time/instant.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace skerry::kernel_io::uring {

class CoreFiles final : public backend::FileOps {
public:
    static constexpr std::size_t under_way_max = Ring::completions_max / 4;

    /// Lives where `ring` lives, and no longer.
    CoreFiles(Ring& ring, std::uint16_t home);
    ~CoreFiles();
    CoreFiles(const CoreFiles&) = delete;
    CoreFiles& operator=(const CoreFiles&) = delete;

    [[nodiscard]] IoBuf buffer(std::size_t size) noexcept override { return buffers_.allocate(size); }
    void start(backend::FileRequest& request) noexcept override;
    void give_up(backend::FileRequest& request) noexcept override;
    [[nodiscard]] backend::FileStats stats() const noexcept override;

    /// In each turn: asks again for what the kernel has refused.
    SKERRY_ALWAYS_INLINE void tend(time::Instant now) noexcept {
        if (next_try_ != time::Instant::max() && now >= next_try_) [[unlikely]]
            begin_waiting();
    }
    [[nodiscard]] time::Instant next_retry() const noexcept { return next_try_; }

    /// Waits until the kernel is through with what nobody waits for any more. After the tasks, on the ring's thread if
    /// it has one of its own.
    void end() noexcept;

private:
    class Operation;

    static constexpr auto try_interval = std::chrono::milliseconds{1};
    /// Entries that go in together: a disk that waits for more of them stands still.
    static constexpr unsigned batch_max = 8;

    /// Asks the kernel; false when it takes nothing more now, and `operation` is as it was.
    [[nodiscard]] bool submit(Operation& operation) noexcept;
    void begin_waiting() noexcept;
    void try_later() noexcept;
    [[nodiscard]] bool begin(backend::FileRequest& request) noexcept;
    void on_answer(Operation& operation, int result) noexcept;
    void hand_over(Operation& operation, int result) noexcept;
    [[nodiscard]] Operation* take_operation() noexcept;
    void put_operation(Operation& operation) noexcept;

    Ring& ring_;
    FileBuffers buffers_;
    std::vector<std::unique_ptr<Operation>> operations_;  // all that were ever made
    std::vector<Operation*> free_;  // those that nothing is asked of
    IntrusiveList<task::WaitNode> waiting_;  // FileRequests that are not begun
    std::size_t waiting_count_ = 0;
    time::Instant next_try_ = time::Instant::max();
    std::uint64_t asked_ = 0;
    std::uint64_t given_up_ = 0;
};

}  // namespace skerry::kernel_io::uring
