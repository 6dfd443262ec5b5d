#include "output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace skerry::apps {

namespace {

FileError failed(const std::string& path) {
    return {"cannot write " + path + ": " + std::system_category().message(errno)};
}

}  // namespace

Result<OutputFile, FileError> OutputFile::open(std::string path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return Unexpected(failed(path));
    return OutputFile(std::move(path), fd);
}

OutputFile::~OutputFile() {
    if (fd_ >= 0) ::close(fd_);
}

Result<void, FileError> OutputFile::write(std::string_view text) {
    (void)!::ftruncate(fd_, 0);  // pipes and devices have no length
    while (!text.empty()) {
        const ssize_t written = ::write(fd_, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return Unexpected(failed(path_));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    // Some file systems tell only now that there was no room.
    if (::close(std::exchange(fd_, -1)) != 0) return Unexpected(failed(path_));
    return {};
}

}  // namespace skerry::apps
