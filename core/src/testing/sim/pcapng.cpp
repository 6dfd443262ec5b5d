#include "pcapng.hpp"

#include <skerry/base/error.hpp>

#include <cerrno>

namespace skerry::testing {

Result<std::unique_ptr<Pcapng>> Pcapng::create(const std::string& path) {
    File file(std::fopen(path.c_str(), "wbe"));
    if (file == nullptr) return Error::from_os(errno);
    return std::unique_ptr<Pcapng>(new Pcapng(std::move(file)));
}

}  // namespace skerry::testing
