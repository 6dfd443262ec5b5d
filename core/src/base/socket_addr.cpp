#include <skerry/base/socket_addr.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace skerry::net {

namespace {

/// Takes text from the front, piece by piece; a piece that is not there leaves the text as it was.
class Reader {
public:
    explicit Reader(std::string_view text) noexcept : rest_(text) {}

    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

    bool take(std::string_view piece) noexcept {
        if (!rest_.starts_with(piece)) return false;
        rest_.remove_prefix(piece.size());
        return true;
    }

    /// A decimal number up to `max` without sign and leading zeros.
    std::optional<std::uint32_t> decimal(std::uint32_t max) noexcept {
        std::uint32_t value = 0;
        const char* const begin = rest_.data();
        const auto [end, error] = std::from_chars(begin, begin + rest_.size(), value);
        const bool has_leading_zero = end - begin > 1 && *begin == '0';
        if (error != std::errc{} || value > max || has_leading_zero) return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(end - begin));
        return value;
    }

    /// One to four hexadecimal digits.
    std::optional<std::uint16_t> group() noexcept {
        std::uint16_t value = 0;
        const char* const begin = rest_.data();
        const auto [end, error] = std::from_chars(begin, begin + std::min<std::size_t>(rest_.size(), 4), value, 16);
        if (error != std::errc{}) return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(end - begin));
        return value;
    }

    std::optional<IpAddr> v4() noexcept {
        const std::string_view before = rest_;
        std::array<std::uint8_t, 4> octets{};
        for (std::size_t i = 0; i < octets.size(); ++i) {
            const auto octet = i == 0 || take(".") ? decimal(255) : std::nullopt;
            if (!octet) {
                rest_ = before;
                return std::nullopt;
            }
            octets[i] = static_cast<std::uint8_t>(*octet);
        }
        return IpAddr::v4(octets[0], octets[1], octets[2], octets[3]);
    }

    std::optional<IpAddr> v6() noexcept;

private:
    std::string_view rest_;
};

/// The groups of an IPv6 address while it is read: those before the "::" and those behind it.
struct Groups {
    std::array<std::uint16_t, 8> values{};
    std::size_t count = 0;
    std::optional<std::size_t> gap;  // the groups in front of the "::"

    [[nodiscard]] bool has_room_for(std::size_t more) const noexcept { return count + more <= values.size(); }
    void add(std::uint16_t group) noexcept { values[count++] = group; }
    void add(const IpAddr& v4) noexcept {
        add(static_cast<std::uint16_t>(v4.v4_bits() >> 16U));
        add(static_cast<std::uint16_t>(v4.v4_bits()));
    }

    /// The address, when there are eight groups, or fewer and a gap that stands for the others.
    [[nodiscard]] std::optional<IpAddr> address() const noexcept {
        if (gap ? count == values.size() : count != values.size()) return std::nullopt;
        std::array<std::uint16_t, 8> spread{};
        const std::size_t front = gap.value_or(count);
        std::copy_n(values.begin(), front, spread.begin());
        std::copy_n(values.begin() + front, count - front, spread.end() - static_cast<std::ptrdiff_t>(count - front));
        return IpAddr::v6(spread);
    }
};

std::optional<IpAddr> Reader::v6() noexcept {
    Groups groups;
    if (take("::")) groups.gap = 0;
    bool another_must_follow = !groups.gap;
    while (groups.has_room_for(1)) {
        if (groups.has_room_for(2)) {
            if (const auto tail = v4()) {
                groups.add(*tail);
                return groups.address();
            }
        }
        const auto value = group();
        if (!value) break;
        groups.add(*value);
        another_must_follow = take(":");
        if (!another_must_follow) break;
        if (take(":")) {
            if (groups.gap) return std::nullopt;
            groups.gap = groups.count;
            another_must_follow = false;
        }
    }
    return another_must_follow ? std::nullopt : groups.address();
}

/// Where the "::" goes: the first of the longest runs of zero groups, if that is two groups or more.
struct ZeroRun {
    std::size_t begin = 0;
    std::size_t length = 0;
};

ZeroRun longest_zero_run(const IpAddr& address) noexcept {
    ZeroRun longest{.begin = 8, .length = 1};
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && address.v6_group(end) == 0) ++end;
        if (end - i > longest.length) longest = {.begin = i, .length = end - i};
        if (end > i) i = end;  // the group there is not zero
    }
    return longest;
}

void append_number(std::string& text, std::uint32_t value, int base = 10) {
    std::array<char, 10> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
    SKERRY_DEBUG_ASSERT(error == std::errc{}, "32 bits have at most ten digits");
    text.append(digits.data(), end);
}

void append_v4(std::string& text, const IpAddr& address) {
    for (std::size_t i = 0; i < 4; ++i) {
        if (i != 0) text += '.';
        append_number(text, address.octets()[i]);
    }
}

void append_v6(std::string& text, const IpAddr& address) {
    if (address.is_v4_mapped()) {
        text += "::ffff:";
        return append_v4(text, address.unmapped());
    }
    const ZeroRun run = longest_zero_run(address);
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == run.begin) {
            text += "::";
            i += run.length - 1;
            continue;
        }
        if (i != 0 && i != run.begin + run.length) text += ':';
        append_number(text, address.v6_group(i), 16);
    }
}

void append(std::string& text, const IpAddr& address) {
    address.is_v4() ? append_v4(text, address) : append_v6(text, address);
}

}  // namespace

Result<IpAddr> IpAddr::parse(std::string_view text) noexcept {
    Reader reader(text);
    const auto address = text.find(':') == std::string_view::npos ? reader.v4() : reader.v6();
    if (!address || !reader.at_end()) return Errc::invalid_argument;
    return *address;
}

Result<SocketAddr> SocketAddr::parse(std::string_view text) noexcept {
    Reader reader(text);
    const bool in_brackets = reader.take("[");
    const auto ip = in_brackets ? reader.v6() : reader.v4();
    if (!ip) return Errc::invalid_argument;
    const auto scope = in_brackets && reader.take("%") ? reader.decimal(UINT32_MAX) : std::uint32_t{0};
    if (!scope || (in_brackets && !reader.take("]")) || !reader.take(":")) return Errc::invalid_argument;
    const auto port = reader.decimal(UINT16_MAX);
    if (!port || !reader.at_end()) return Errc::invalid_argument;
    return SocketAddr(*ip, static_cast<std::uint16_t>(*port), *scope);
}

std::string to_string(const IpAddr& address) {
    std::string text;
    append(text, address);
    return text;
}

std::string to_string(const SocketAddr& address) {
    std::string text;
    if (address.is_v6()) text += '[';
    append(text, address.ip());
    if (address.scope() != 0) {
        text += '%';
        append_number(text, address.scope());
    }
    if (address.is_v6()) text += ']';
    text += ':';
    append_number(text, address.port());
    return text;
}

}  // namespace skerry::net
