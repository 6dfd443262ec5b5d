#pragma once

// Files on a core whose driver reads and writes them itself, without a thread of the blocking pool. fs:: asks; where
// no driver does, and for what this one cannot do, it goes to the pool.
//
// A disk cannot be told to stop: what was begun may go on reading or writing memory after whoever asked has gone. So a
// request gives all that it touches to the backend, the descriptor and the bytes, and gets it back with the outcome. A
// request that is given up leaves it there until the kernel is through with it. Rejected: reading into memory of the
// caller and waiting in the destructor of what is cancelled, which would hold up the whole core for as long as a disk
// takes. The price is a copy where the caller has memory of his own; who takes the buffer pays nothing.

#include "../base/error.hpp"
#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../task/scheduler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace skerry::backend {

enum class FileCall : std::uint8_t {
    read,       ///< pread() of `bytes` into `buffer`
    write,      ///< pwrite() of `buffer`
    sync_all,   ///< fsync()
    sync_data,  ///< fdatasync()
};

/// The waiting awaiter's part of an operation. The backend takes `fd` and `buffer`, and completes it by writing `bytes`
/// or `error`, giving `buffer` back and waking the node.
struct FileRequest : task::WaitNode {
    FileCall call = FileCall::read;
    std::shared_ptr<const OwnedFd> fd;  ///< of something that can be read at places
    std::uint64_t offset = 0;  ///< less than 2^63
    IoBuf buffer;  ///< its memory is the host's, and nobody else has it
    std::size_t bytes = 0;  ///< read: at most so many; then how many were read or written
    Error error;  ///< unsupported: not made, and another way may be tried
    void* operation = nullptr;  ///< the backend's own
};

/// Numbers of one core's files; all 0 where the driver takes none.
struct FileStats {
    std::uint64_t under_way = 0;  ///< the kernel has them, or gets them at the end of this turn
    std::uint64_t waiting = 0;  ///< behind those, for want of room
    std::uint64_t asked = 0;  ///< since the start
    std::uint64_t given_up = 0;  ///< by whoever asked, before they were over
    std::uint64_t buffers_out = 0;  ///< pooled buffers, in requests and in hands of programs
};

/// The files of one core's driver.
///
/// Threads: that core.
class FileOps {
public:
    /// Memory of `size` bytes for a read or a write, not initialized, as a device takes it, which O_DIRECT asks for.
    /// What programs write may come from anywhere.
    ///
    /// Errors: an IoBuf that is false.
    [[nodiscard]] virtual IoBuf buffer(std::size_t size) noexcept = 0;

    /// Takes over `request`, whose node is linked. It never completes before this returns.
    virtual void start(FileRequest& request) noexcept = 0;

    /// Whoever asked waits no more, and `request` may go. What has not begun is not done; the rest may be.
    virtual void give_up(FileRequest& request) noexcept = 0;

    [[nodiscard]] virtual FileStats stats() const noexcept = 0;

protected:
    ~FileOps() = default;
};

/// The files of this thread's core; null where its driver takes none.
inline thread_local constinit FileOps* current_files = nullptr;

}  // namespace skerry::backend
