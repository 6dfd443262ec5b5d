#include "operations.hpp"

#include "file_request.hpp"
#include "runtime/call_on_pool.hpp"

#include <skerry/backend/file_ops.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace skerry::fs::detail {

using backend::FileCall;
using backend::FileOps;
using runtime::call_on_pool;

namespace {

constexpr std::size_t read_bytes_max = std::size_t{1} << 30U;  // a buffer ends before 4 GiB, a read of Linux before 2

// The kernel's calls say precisely what is wrong with a place that there is not; to a ring it may mean something else.
FileOps* driver_for(const Target& file, std::uint64_t offset) noexcept {
    constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return file.has_places && offset <= last ? backend::current_files : nullptr;
}

}  // namespace

IoBuf allocate_piece(std::size_t bytes) noexcept {
    return backend::current_files != nullptr ? backend::current_files->buffer(bytes) : allocate_aligned_piece(bytes);
}

IoBuf copy_piece(std::span<const std::byte> data) noexcept {
    IoBuf copy = allocate_piece(data.size());
    if (copy && !data.empty()) std::memcpy(copy.writable().data(), data.data(), data.size());
    return copy;
}

Task<Result<IoBuf>> read_at(Target file, std::uint64_t offset, std::size_t bytes_max) {
    bytes_max = std::min(bytes_max, read_bytes_max);
    if (FileOps* const files = driver_for(file, offset)) {
        IoBuf memory = files->buffer(bytes_max);
        if (!memory) co_return Errc::no_buffers;
        Answer answer = co_await FileWork(*files, FileCall::read, file.fd, offset, std::move(memory), bytes_max);
        if (answer.error.code() == Errc::ok) {
            answer.buffer.set_size(answer.bytes);
            co_return std::move(answer.buffer);
        }
        if (answer.error != Errc::unsupported) co_return answer.error;
    }
    auto piece = co_await call_on_pool(&read_piece, std::move(file.fd), offset, bytes_max);
    co_return piece;
}

Task<Result<Written>> write_at(Target file, std::uint64_t offset, IoBuf data) {
    if (FileOps* const files = driver_for(file, offset)) {
        const std::size_t size = data.size();
        Answer answer = co_await FileWork(*files, FileCall::write, file.fd, offset, std::move(data), size);
        if (answer.error.code() == Errc::ok) {
            answer.buffer.trim_front(answer.bytes);
            co_return Written(answer.bytes, std::move(answer.buffer));
        }
        if (answer.error != Errc::unsupported) co_return answer.error;
        data = std::move(answer.buffer);
    }
    auto written = co_await call_on_pool(&write_piece, std::move(file.fd), offset, std::move(data));
    co_return written;
}

Task<Result<>> sync(Target file, bool data_only) {
    if (FileOps* const files = driver_for(file, 0)) {
        const FileCall call = data_only ? FileCall::sync_data : FileCall::sync_all;
        const Answer answer = co_await FileWork(*files, call, file.fd);
        if (answer.error.code() == Errc::ok) co_return Result<>();
        if (answer.error != Errc::unsupported) co_return answer.error;
    }
    auto synced = co_await call_on_pool(&sync_file, std::move(file.fd), data_only);
    co_return synced;
}

}  // namespace skerry::fs::detail
