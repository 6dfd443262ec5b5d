#include "input_file.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace skerry::apps {

Result<std::string, Unreadable> read_input(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    // A folder opens, and its first read fails; a copy of nothing, of an empty file, would fail as well.
    if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
    if (!file.is_open() || file.bad() || text.fail())
        return Unreadable{std::system_category().message(errno != 0 ? errno : EIO)};
    return std::move(text).str();
}

}  // namespace skerry::apps
