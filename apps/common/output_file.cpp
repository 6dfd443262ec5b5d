#include "output_file.hpp"

#include <skerry/base/held_signal.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <system_error>

namespace skerry::apps {

namespace {

constexpr mode_t mode_of_new = 0666;  // less the umask

FileError failed(const std::string& path) {
    return {"cannot write " + path + ": " + std::system_category().message(errno)};
}

/// Writes `text` and closes `fd`; false, with errno, when it did not all get there. A file that may not grow as long is
/// an error like others, and not the end of the program.
bool write_and_close(int fd, std::string_view text) {
    skerry::detail::HeldSignal held(SIGXFSZ);
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            const int why = errno;
            if (why == EFBIG) held.take();
            ::close(fd);
            errno = why;
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::close(fd) == 0;  // some file systems tell only now that there was no room
}

bool is_fifo(const std::string& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode);
}

/// Where a file's name really stands, behind all links; empty when it is nowhere.
std::string real_name(const std::string& path) {
    std::error_code error;
    const auto real = std::filesystem::canonical(path, error);
    return error ? std::string() : real.string();
}

/// /dev/stdout and its like: what it leads to is open elsewhere too, and stays that file.
bool names_a_descriptor(std::string_view path) { return path.starts_with("/dev/") || path.starts_with("/proc/"); }

/// A file that is to take the place of another.
struct Beside {
    std::string name;
    int fd;
};

/// Makes one in the folder of `target`; nothing where that cannot be.
std::optional<Beside> make_beside(const std::string& target) {
    const std::string start = target.substr(0, target.rfind('/') + 1) + ".skerry-" + std::to_string(::getpid()) + "-";
    for (int number = 0; number < 1'000; ++number) {
        std::string name = start + std::to_string(number);
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_of_new);
        if (fd >= 0) return Beside{std::move(name), fd};
        if (errno != EEXIST) return std::nullopt;
    }
    return std::nullopt;
}

/// Gives `fd` the owner and the rights of what it replaces.
bool take_after(int fd, const struct stat& old) {
    return ::fchown(fd, old.st_uid, old.st_gid) == 0 && ::fchmod(fd, old.st_mode & 07777) == 0;
}

enum class Replaced { yes, no, impossible };

/// Makes `text` the content of the file `target` by way of one beside it. `old`: what is there, if anything is.
Replaced replace(const std::string& target, const struct stat* old, std::string_view text) {
    const auto beside = make_beside(target);
    if (!beside) return Replaced::impossible;
    if (old != nullptr && !take_after(beside->fd, *old)) {
        ::close(beside->fd);
        ::unlink(beside->name.c_str());
        return Replaced::impossible;
    }
    const bool is_whole = write_and_close(beside->fd, text);
    if (is_whole && ::rename(beside->name.c_str(), target.c_str()) == 0) return Replaced::yes;
    const int why = errno;
    ::unlink(beside->name.c_str());
    errno = why;
    // A file that is mounted in its place cannot be moved away.
    return is_whole ? Replaced::impossible : Replaced::no;
}

}  // namespace

Result<OutputFile, FileError> OutputFile::open(std::string path) {
    struct stat found{};
    const bool is_new = ::lstat(path.c_str(), &found) != 0 && errno == ENOENT;
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (is_new ? O_EXCL : 0);
    const int fd = ::open(path.c_str(), flags | O_NONBLOCK, mode_of_new);
    if (fd < 0 && errno == ENXIO && is_fifo(path))
        return Unexpected(FileError{"cannot write " + path + ": nobody reads this fifo; start its reader first"});
    if (fd < 0) return Unexpected(failed(path));
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);  // it was for who does not read
    if (!is_new) return OutputFile(std::move(path), fd);
    ::close(fd);
    ::unlink(path.c_str());
    return OutputFile(std::move(path), -1);
}

OutputFile::~OutputFile() {
    if (fd_ >= 0) ::close(fd_);
}

Result<void, FileError> OutputFile::write(std::string_view text) {
    struct stat old{};
    const bool was_there = fd_ >= 0;
    const std::string target = was_there ? real_name(path_) : path_;
    const bool can_be_replaced = !was_there || (::fstat(fd_, &old) == 0 && S_ISREG(old.st_mode) && old.st_nlink == 1 &&
                                                !target.empty() && !names_a_descriptor(path_));
    if (can_be_replaced) {
        const Replaced replaced = replace(target, was_there ? &old : nullptr, text);
        if (replaced == Replaced::no) return Unexpected(failed(path_));
        if (replaced == Replaced::yes) return {};
    }
    int fd = std::exchange(fd_, -1);
    if (fd < 0) fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode_of_new);
    if (fd < 0) return Unexpected(failed(path_));
    (void)!::ftruncate(fd, 0);  // pipes and devices have no length
    if (!write_and_close(fd, text)) return Unexpected(failed(path_));
    return {};
}

bool are_one_file(const std::string& a, const std::string& b) {
    struct stat first{};
    struct stat second{};
    const bool has_first = ::stat(a.c_str(), &first) == 0;
    const bool has_second = ::stat(b.c_str(), &second) == 0;
    if (has_first != has_second) return false;
    if (has_first) return S_ISREG(first.st_mode) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
    std::error_code error;
    const auto name_of_a = std::filesystem::weakly_canonical(a, error);
    const auto name_of_b = std::filesystem::weakly_canonical(b, error);
    return !error && name_of_a == name_of_b;
}

}  // namespace skerry::apps
