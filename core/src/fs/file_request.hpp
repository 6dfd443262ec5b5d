#pragma once

// Hot path. Waiting for a request that the core's driver makes for a file.

#include <skerry/backend/file_ops.hpp>
#include <skerry/base/error.hpp>
#include <skerry/base/io_buf.hpp>
#include <skerry/task/scheduler.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace skerry::fs::detail {

/// What came of it. `buffer` is what was read, or what was to be written.
struct Answer {
    Error error;
    std::size_t bytes = 0;
    IoBuf buffer;
};

class FileAwaiter : private backend::FileRequest {
public:
    FileAwaiter(backend::FileOps& files, backend::FileCall what, std::shared_ptr<const OwnedFd> file,
                std::uint64_t place, IoBuf memory, std::size_t size) noexcept
        : files_(&files) {
        call = what;
        fd = std::move(file);
        offset = place;
        buffer = std::move(memory);
        bytes = size;
    }
    ~FileAwaiter() { cancel(); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) noexcept {
        task::current_scheduler->bind_linked(*this, awaiting);
        files_->start(*this);
        return true;
    }
    [[nodiscard]] bool is_complete() const noexcept { return state() == task::node_state::idle; }
    void cancel() noexcept {
        if (state() == task::node_state::idle) [[likely]]
            return;
        if (state() == task::node_state::linked) {
            files_->give_up(*this);
            set_state(task::node_state::idle);
            return;
        }
        task::current_scheduler->blank(*this);  // it is over, and its outcome is dropped
        take_claim();
    }
    [[nodiscard]] Answer await_resume() noexcept {
        take_claim();
        return {error, bytes, std::move(buffer)};
    }

private:
    backend::FileOps* files_;
};

/// A request that is made when it is awaited.
///
/// Cancel: safe for whoever asked; what was begun may be done.
class FileWork {
public:
    FileWork(backend::FileOps& files, backend::FileCall call, std::shared_ptr<const OwnedFd> fd,
             std::uint64_t offset = 0, IoBuf buffer = {}, std::size_t bytes = 0) noexcept
        : files_(files), call_(call), fd_(std::move(fd)), offset_(offset), buffer_(std::move(buffer)), bytes_(bytes) {}

    [[nodiscard]] FileAwaiter operator co_await() noexcept {
        return {files_, call_, std::move(fd_), offset_, std::move(buffer_), bytes_};
    }

private:
    backend::FileOps& files_;
    backend::FileCall call_;
    std::shared_ptr<const OwnedFd> fd_;
    std::uint64_t offset_;
    IoBuf buffer_;
    std::size_t bytes_;
};

}  // namespace skerry::fs::detail
