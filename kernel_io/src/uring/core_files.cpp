#include "core_files.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace skerry::kernel_io::uring {

using backend::FileCall;
using backend::FileRequest;

namespace {

// What a kernel may refuse to a ring and do for a call: it would have to wait, the file system lacks the way, or the
// thread that should have done it was interrupted, could not be made, or is gone. Nothing was done then.
bool is_for_the_pool(int error) noexcept {
    return error == EAGAIN || error == EOPNOTSUPP || error == EINTR || error == ECANCELED;
}

}  // namespace

/// What the kernel works on.
class CoreFiles::Operation final : public Requester {
public:
    explicit Operation(CoreFiles& owner) noexcept : core(owner) {}

    void on_completion(unsigned, int result, std::uint32_t) noexcept override { core.on_answer(*this, result); }

    void prepare(io_uring_sqe* entry) noexcept {
        switch (call) {
            case FileCall::read:
                return ::io_uring_prep_read(entry, fd->get(), buffer.writable().data(), static_cast<unsigned>(bytes),
                                            offset);
            case FileCall::write:
                return ::io_uring_prep_write(entry, fd->get(), buffer.data(), static_cast<unsigned>(buffer.size()),
                                             offset);
            case FileCall::sync_all: return ::io_uring_prep_fsync(entry, fd->get(), 0);
            case FileCall::sync_data: return ::io_uring_prep_fsync(entry, fd->get(), IORING_FSYNC_DATASYNC);
        }
    }

    // What is in the page cache is copied while it is handed in, on the core's thread, and large ones would keep the
    // core for long.
    [[nodiscard]] bool is_large() const noexcept {
        return std::max(bytes, buffer.size()) > FileBuffers::pooled_bytes_max;
    }

    CoreFiles& core;
    FileRequest* waiter = nullptr;  // null when it was given up
    std::shared_ptr<const OwnedFd> fd;
    IoBuf buffer;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    FileCall call = FileCall::read;
};

CoreFiles::CoreFiles(Ring& ring, std::uint16_t home) : ring_(ring), buffers_(home) {}

CoreFiles::~CoreFiles() { end(); }

// --- asking

CoreFiles::Operation* CoreFiles::take_operation() noexcept try {
    if (free_.empty()) {
        if (operations_.size() == under_way_max) return nullptr;
        operations_.reserve(under_way_max);
        free_.reserve(under_way_max);  // so that a return needs no memory
        operations_.push_back(std::make_unique<Operation>(*this));
        return operations_.back().get();
    }
    Operation* const operation = free_.back();
    free_.pop_back();
    return operation;
} catch (const std::bad_alloc&) {
    return nullptr;
}

void CoreFiles::put_operation(Operation& operation) noexcept {
    operation.buffer.reset();
    operation.fd.reset();
    operation.waiter = nullptr;
    free_.push_back(&operation);
}

bool CoreFiles::submit(Operation& operation) noexcept {
    const bool is_taken = ring_.request(operation, 0, [&](io_uring_sqe* entry) {
        if (operation.call == FileCall::write) ring_.expect_size_signal();
        operation.prepare(entry);
        if (operation.is_large()) [[unlikely]]
            entry->flags |= IOSQE_ASYNC;
    });
    if (ring_.entries() >= batch_max) ring_.submit();
    return is_taken;
}

// False: it has to wait, and is as it was.
bool CoreFiles::begin(FileRequest& request) noexcept {
    Operation* const operation = take_operation();
    if (operation == nullptr) return false;
    operation->waiter = &request;
    operation->call = request.call;
    operation->fd = std::move(request.fd);
    operation->buffer = std::move(request.buffer);
    operation->offset = request.offset;
    operation->bytes = request.bytes;
    if (submit(*operation)) [[likely]] {
        request.operation = operation;
        return true;
    }
    request.fd = std::move(operation->fd);
    request.buffer = std::move(operation->buffer);
    put_operation(*operation);
    return false;
}

void CoreFiles::start(FileRequest& request) noexcept {
    ++asked_;
    request.operation = nullptr;
    if (waiting_.empty() && begin(request)) [[likely]]
        return;
    waiting_.push_back(request);
    ++waiting_count_;
    try_later();
}

// What cannot begin now is tried again when another ends, or a moment later where none is under way: the kernel, or the
// heap, may have been short.
void CoreFiles::try_later() noexcept {
    const bool is_any_under_way = free_.size() != operations_.size();
    next_try_ = is_any_under_way ? time::Instant::max() : time::Instant::now() + try_interval;
}

// In the order in which they came.
void CoreFiles::begin_waiting() noexcept {
    while (!waiting_.empty()) {
        auto& request = static_cast<FileRequest&>(waiting_.front());
        request.unlink();
        if (!begin(request)) {
            waiting_.push_front(request);
            return try_later();
        }
        --waiting_count_;
    }
    next_try_ = time::Instant::max();
}

void CoreFiles::give_up(FileRequest& request) noexcept {
    ++given_up_;
    if (request.operation == nullptr) {
        request.unlink();
        --waiting_count_;
        return;
    }
    auto& operation = *static_cast<Operation*>(std::exchange(request.operation, nullptr));
    operation.waiter = nullptr;
    // Entries are taken in order: this one finds no later request of the same operation.
    ring_.cancel_unheard(operation, 0);
}

// --- answers

void CoreFiles::on_answer(Operation& operation, int result) noexcept {
    if (operation.waiter != nullptr) [[likely]]
        hand_over(operation, result);
    put_operation(operation);
    if (!waiting_.empty()) [[unlikely]]
        begin_waiting();
}

void CoreFiles::hand_over(Operation& operation, int result) noexcept {
    FileRequest& request = *operation.waiter;
    request.operation = nullptr;
    request.buffer = std::move(operation.buffer);
    if (result >= 0)
        request.bytes = static_cast<std::size_t>(result);
    else if (is_for_the_pool(-result))
        request.error = Error(Errc::unsupported, -result);
    else
        request.error = Error::from_os(-result);
    task::current_scheduler->wake_linked(request);
}

// --- the rest

backend::FileStats CoreFiles::stats() const noexcept {
    return {.under_way = operations_.size() - free_.size(),
            .waiting = waiting_count_,
            .asked = asked_,
            .given_up = given_up_,
            .buffers_out = buffers_.out()};
}

void CoreFiles::end() noexcept {
    SKERRY_ASSERT(waiting_.empty(), "a core ends while a task waits for a file");
    while (free_.size() != operations_.size()) {
        const bool has_waited = ring_.wait();
        SKERRY_ASSERT(has_waited, "the kernel gives no completions while it has memory of ours");
        ring_.dispatch();
    }
}

}  // namespace skerry::kernel_io::uring
