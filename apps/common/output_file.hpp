#pragma once

// The file that a program writes when it ends. It is opened at the start: a folder that does not exist must not cost
// the figures of a run of hours.

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
    /// Opens `path`, and makes it when it is not there; what is in it stays until write().
    [[nodiscard]] static Result<OutputFile, FileError> open(std::string path);

    OutputFile(OutputFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    /// Makes `text` the file's content and closes it. Called once.
    [[nodiscard]] Result<void, FileError> write(std::string_view text);

private:
    OutputFile(std::string path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_;
};

}  // namespace skerry::apps
