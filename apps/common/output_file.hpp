#pragma once

// The file that a program writes when it ends. It is tried at the start: a folder that does not exist must not cost
// the figures of a run of hours. Nor must a disk that is full cost those of yesterday: the text goes into a file
// beside, which takes the place of the old one when it is whole. What has no such place, a pipe, a device, a file with
// several names or of another user, is opened at the start and written as it is.

#include <skerry/base/result.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace skerry::apps {

/// `cannot write PATH: why`.
struct FileError {
    std::string message;
};

class OutputFile {
public:
    /// Sees whether `path` can be written. What is in it stays until write(), and what is not there is not made.
    [[nodiscard]] static Result<OutputFile, FileError> open(std::string path);

    OutputFile(OutputFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    /// Makes `text` the file's content. Called once. When it fails for want of room a file that was there is as it was.
    [[nodiscard]] Result<void, FileError> write(std::string_view text);

private:
    OutputFile(std::string path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_;  // of what was there; -1: nothing was
};

/// Whether the two are names of one regular file, or would be once it is made.
[[nodiscard]] bool are_one_file(const std::string& a, const std::string& b);

}  // namespace skerry::apps
