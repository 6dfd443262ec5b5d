#include "live_extensions.hpp"

#include <algorithm>
#include <utility>

namespace skerry::pkt {
namespace {

constexpr std::size_t octets_before = 2;  // what follows, and the length
constexpr std::size_t fragment_bytes = 8;

std::uint32_t number(std::span<const std::byte> in, std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + bytes; ++i) value = value << 8U | std::to_integer<std::uint32_t>(in[i]);
    return value;
}

void put(std::vector<std::byte>& out, std::uint32_t value, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xffU));
}

LiveExtension read_fragment(std::span<const std::byte> in) {
    LiveExtension header;
    header.type = extension_type::fragment;
    header.begin = static_cast<std::uint16_t>(number(in, 2, 2) & 0xfff8U);
    header.end = static_cast<std::uint16_t>(header.begin + in.size() - fragment_bytes);
    header.has_more = (number(in, 2, 2) & 1U) != 0;
    header.id = number(in, 4, 4);
    return header;
}

std::vector<std::byte> written_fragment(const LiveExtension& header, std::uint8_t next,
                                        const std::vector<std::byte>& inner) {
    const std::size_t begin = std::min<std::size_t>(header.begin, inner.size());
    const std::size_t end = std::clamp<std::size_t>(header.end, begin, inner.size());
    std::vector<std::byte> out;
    put(out, next, 1);
    put(out, 0, 1);
    put(out, static_cast<std::uint32_t>(header.begin) | (end < inner.size() ? 1U : 0U), 2);
    put(out, header.id, 4);
    const auto part = std::span(inner).subspan(begin, end - begin);
    out.insert(out.end(), part.begin(), part.end());
    return out;
}

std::vector<std::byte> written_octets(const LiveExtension& header, std::uint8_t next,
                                      const std::vector<std::byte>& inner) {
    std::vector<std::byte> out;
    put(out, next, 1);
    put(out, static_cast<std::uint32_t>((header.octets.size() + octets_before) / 8 - 1), 1);
    for (const std::uint8_t octet : header.octets) put(out, octet, 1);
    out.insert(out.end(), inner.begin(), inner.end());
    return out;
}

}  // namespace

Result<ReadExtensions, std::string> read_extensions(std::uint8_t first, std::span<const std::byte> in) {
    ReadExtensions read{{}, first, in, false};
    for (;;) {
        const bool is_options = read.next == extension_type::hop_by_hop || read.next == extension_type::routing ||
                                read.next == extension_type::destination;
        if (!is_options && read.next != extension_type::fragment) return read;
        if (read.rest.size() < fragment_bytes) return Unexpected(std::string("an extension header is cut off"));
        LiveExtension header;
        std::size_t length = fragment_bytes;
        if (is_options) {
            length = (std::size_t{number(read.rest, 1, 1)} + 1) * 8;
            if (length > read.rest.size()) return Unexpected(std::string("an extension header is cut off"));
            header.type = read.next;
            for (const std::byte octet : read.rest.first(length).subspan(octets_before))
                header.octets.push_back(std::to_integer<std::uint8_t>(octet));
        } else {
            header = read_fragment(read.rest);
            read.is_part = !header.is_whole();
        }
        read.next = std::to_integer<std::uint8_t>(read.rest[0]);
        read.rest = read.rest.subspan(length);
        read.headers.push_back(std::move(header));
        if (read.is_part) return read;
    }
}

WrittenExtensions write_extensions(const std::vector<LiveExtension>& headers, std::uint8_t protocol,
                                   std::vector<std::byte> inner) {
    WrittenExtensions written{protocol, std::move(inner)};
    for (auto header = headers.rbegin(); header != headers.rend(); ++header) {
        written.bytes = header->is_fragment() ? written_fragment(*header, written.first, written.bytes)
                                              : written_octets(*header, written.first, written.bytes);
        written.first = header->type;
    }
    return written;
}

}  // namespace skerry::pkt
