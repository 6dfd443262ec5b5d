#include <skerry/net/unix_addr.hpp>

#include <algorithm>
#include <cerrno>

namespace skerry::net {

Result<UnixAddr> UnixAddr::from_pathname(std::string_view path) noexcept {
    if (path.empty() || path.find('\0') != std::string_view::npos) return Errc::invalid_argument;
    if (path.size() > name_bytes_max) return Error(Errc::invalid_argument, ENAMETOOLONG);
    return from_sun_path(path);
}

Result<UnixAddr> UnixAddr::from_abstract_name(std::string_view name) noexcept {
    if (name.size() > name_bytes_max) return Error(Errc::invalid_argument, ENAMETOOLONG);
    UnixAddr address;
    std::copy(name.begin(), name.end(), address.bytes_.begin() + 1);
    address.size_ = static_cast<std::uint8_t>(name.size() + 1);
    return address;
}

UnixAddr UnixAddr::from_sun_path(std::string_view bytes) noexcept {
    // A path from the kernel has a zero at its end, which is no part of it.
    if (!bytes.empty() && bytes.front() != '\0') bytes = bytes.substr(0, bytes.find('\0'));
    UnixAddr address;
    address.size_ = static_cast<std::uint8_t>(std::min(bytes.size(), address.bytes_.size()));
    std::copy_n(bytes.begin(), address.size_, address.bytes_.begin());
    return address;
}

std::optional<std::string_view> UnixAddr::as_pathname() const noexcept {
    if (size_ == 0 || bytes_[0] == '\0') return std::nullopt;
    return sun_path();
}

std::optional<std::string_view> UnixAddr::as_abstract_name() const noexcept {
    if (size_ == 0 || bytes_[0] != '\0') return std::nullopt;
    return sun_path().substr(1);
}

std::string UnixAddr::to_string() const {
    if (is_unnamed()) return "(unnamed)";
    if (const auto name = as_abstract_name()) return "@" + std::string(*name);
    return std::string(sun_path());
}

}  // namespace skerry::net
