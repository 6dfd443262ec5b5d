#include "socket_options.hpp"

#include "answers.hpp"
#include "tcp_info_layout.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

// More than any option has, so that the kernel shortens none of them.
using Room = std::array<std::byte, 1024>;

bool is_text(int level, int name) {
    if (level == SOL_SOCKET) return name == SO_BINDTODEVICE;
    return level == IPPROTO_TCP && (name == TCP_CONGESTION || name == TCP_ULP);
}

Attempt give(int fd, int level, int name, const void* value, std::size_t bytes) {
    return answer(::setsockopt(fd, level, name, value, static_cast<socklen_t>(bytes)));
}

/// Up to the first zero, which fills the rest.
std::string text_of(std::span<const std::byte> bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(end - bytes.begin())};
}

template <class T>
T value_of(std::span<const std::byte> bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

/// Nothing when its size is that of no form.
OptionValue form(int level, int name, std::span<const std::byte> bytes) {
    if (is_text(level, name)) return text_of(bytes);
    if (level == IPPROTO_TCP && name == TCP_INFO) return info_fields(bytes);
    if (level == SOL_SOCKET && name == SO_LINGER && bytes.size() == sizeof(linger)) {
        const auto told = value_of<linger>(bytes);
        return Linger{told.l_onoff != 0, told.l_linger};
    }
    if (bytes.size() == sizeof(int)) return value_of<int>(bytes);
    if (bytes.size() == 1) return static_cast<int>(value_of<unsigned char>(bytes));
    return std::monostate{};
}

}  // namespace

Attempt set_option(int fd, int level, int name, const OptionValue& value) {
    if (const auto* const number = std::get_if<int>(&value)) return give(fd, level, name, number, sizeof *number);
    if (const auto* const text = std::get_if<std::string>(&value))
        return give(fd, level, name, text->data(), text->size());
    if (const auto* const told = std::get_if<Linger>(&value)) {
        const linger asked{told->is_on ? 1 : 0, told->seconds};
        return give(fd, level, name, &asked, sizeof asked);
    }
    return unsupported("setsockopt() with such a value");
}

Attempt get_option(int fd, int level, int name) {
    Room room{};
    socklen_t length = room.size();
    Returned returned = answer(::getsockopt(fd, level, name, room.data(), &length));
    if (returned.value < 0) return returned;
    const auto bytes = std::span(room).first(std::min<std::size_t>(length, room.size()));
    returned.output.option = form(level, name, bytes);
    if (std::holds_alternative<std::monostate>(returned.output.option))
        return unsupported("socket option " + std::to_string(name) + " of level " + std::to_string(level) +
                           ", which has " + std::to_string(bytes.size()) + " bytes");
    return returned;
}

}  // namespace skerry::pkt::kernel
