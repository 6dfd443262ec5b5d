#pragma once

// Reading, writing and copying a file from its start to its end, for the blocking pool.

#include "file_calls.hpp"

#include <skerry/base/result.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry::fs::detail {

/// Into a vector of bytes or a string, which grows by what its size promises: files of /proc say 0 and have something.
template <class Bytes>
Result<Bytes> read_whole(std::string path) {
    auto fd = open_file(std::move(path), O_RDONLY, 0);
    if (!fd) return fd.error();
    const auto about = look_at(fd->get(), "", AT_EMPTY_PATH);
    if (!about) return about.error();
    Bytes all;
    std::size_t filled = 0;
    std::size_t room = static_cast<std::size_t>(about->size_bytes) + 1;  // one more: the end is then seen at once
    for (;;) {
        if (room < 512) room = 512;
        all.resize(filled + room);
        const ssize_t count = ::read(fd->get(), all.data() + filled, room);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::from_os(errno);
        filled += static_cast<std::size_t>(count);
        if (count == 0) break;
        room = all.size() - filled;
        if (room == 0) room = all.size();
    }
    all.resize(filled);
    return all;
}

[[nodiscard]] Result<> write_whole(std::string path, std::vector<std::byte> data);
[[nodiscard]] Result<std::uint64_t> copy_whole(std::string from, std::string to);

}  // namespace skerry::fs::detail
