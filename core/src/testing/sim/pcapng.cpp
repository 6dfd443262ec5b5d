#include "pcapng.hpp"

#include <skerry/base/error.hpp>

#include <cerrno>
#include <cstring>

namespace skerry::testing {

namespace {

// All numbers are in the host's order, which the reader learns from the magic number.
constexpr std::uint32_t section_header = 0x0a0d'0d0a;
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t enhanced_packet = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b'3c4d;

constexpr std::uint16_t end_of_options = 0;
constexpr std::uint16_t comment_option = 1;
constexpr std::uint16_t name_option = 2;
constexpr std::uint16_t flags_option = 2;
constexpr std::uint16_t resolution_option = 9;

constexpr std::uint16_t ethernet = 1;

}  // namespace

Result<std::unique_ptr<Pcapng>> Pcapng::create(const std::string& path) {
    File file(std::fopen(path.c_str(), "wbe"));
    if (file == nullptr) return Error::from_os(errno);
    return std::unique_ptr<Pcapng>(new Pcapng(std::move(file)));
}

Pcapng::Pcapng(File file) : file_(std::move(file)) {
    number32(byte_order_magic);
    number16(1);  // version 1.0
    number16(0);
    number32(0xffff'ffff);  // the section's length is not known
    number32(0xffff'ffff);
    write_block(section_header);
}

void Pcapng::add_interface(const std::string& name) {
    constexpr std::uint8_t nanoseconds = 9;
    number16(ethernet);
    number16(0);
    number32(0);  // no limit to what is kept of a frame
    option(name_option, name.data(), name.size());
    option(resolution_option, &nanoseconds, sizeof nanoseconds);
    option(end_of_options, nullptr, 0);
    write_block(interface_description);
}

void Pcapng::write(std::uint32_t interface, time::Instant at, std::span<const std::byte> frame, Direction direction,
                   const char* comment) {
    const auto ns = static_cast<std::uint64_t>(at.as_nanos());
    const auto flags = static_cast<std::uint32_t>(direction);
    number32(interface);
    number32(static_cast<std::uint32_t>(ns >> 32U));
    number32(static_cast<std::uint32_t>(ns));
    number32(static_cast<std::uint32_t>(frame.size()));
    number32(static_cast<std::uint32_t>(frame.size()));
    raw(frame.data(), frame.size());
    pad();
    option(flags_option, &flags, sizeof flags);
    if (comment != nullptr) option(comment_option, comment, std::strlen(comment));
    option(end_of_options, nullptr, 0);
    write_block(enhanced_packet);
}

void Pcapng::raw(const void* from, std::size_t bytes) {
    const auto* const begin = static_cast<const std::byte*>(from);
    if (bytes != 0) body_.insert(body_.end(), begin, begin + bytes);
}

void Pcapng::option(std::uint16_t code, const void* from, std::size_t bytes) {
    number16(code);
    number16(static_cast<std::uint16_t>(bytes));
    raw(from, bytes);
    pad();
}

void Pcapng::write_block(std::uint32_t type) {
    const auto length = static_cast<std::uint32_t>(body_.size() + 3 * sizeof(std::uint32_t));
    std::fwrite(&type, sizeof type, 1, file_.get());
    std::fwrite(&length, sizeof length, 1, file_.get());
    std::fwrite(body_.data(), 1, body_.size(), file_.get());
    std::fwrite(&length, sizeof length, 1, file_.get());
    body_.clear();
}

}  // namespace skerry::testing
