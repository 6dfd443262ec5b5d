#include <skerry/trace/pcapng.hpp>

#include <cstring>
#include <type_traits>
#include <utility>

namespace skerry::trace::pcapng {

namespace {

constexpr std::uint32_t section_header = 0x0a0d'0d0a;
constexpr std::uint32_t interface_description = 1;
constexpr std::uint32_t interface_statistics = 5;
constexpr std::uint32_t byte_order_magic = 0x1a2b'3c4d;

constexpr std::uint16_t end_of_options = 0;
constexpr std::uint16_t comment_option = 1;
constexpr std::uint16_t name_option = 2;
constexpr std::uint16_t flags_option = 2;
constexpr std::uint16_t received_option = 4;
constexpr std::uint16_t dropped_option = 5;
constexpr std::uint16_t resolution_option = 9;

constexpr std::uint16_t ethernet = 1;

/// A block that is being made.
class Block {
public:
    template <class Number>
        requires std::is_trivially_copyable_v<Number>
    void add(const Number& value) {
        raw(&value, sizeof value);
    }
    void bytes(std::span<const std::byte> from) {
        raw(from.data(), from.size());
        pad();
    }
    void option(std::uint16_t code, const void* from, std::size_t count) {
        add(code);
        add(static_cast<std::uint16_t>(count));
        raw(from, count);
        pad();
    }
    void option(std::uint16_t code, std::string_view text) { option(code, text.data(), text.size()); }

    /// With its type and its length, which stands at both ends.
    [[nodiscard]] std::vector<std::byte> finish(std::uint32_t type) {
        const auto length = static_cast<std::uint32_t>(bytes_.size() + sizeof(std::uint32_t));
        std::memcpy(bytes_.data(), &type, sizeof type);
        std::memcpy(bytes_.data() + sizeof type, &length, sizeof length);
        add(length);
        return std::move(bytes_);
    }

private:
    void raw(const void* from, std::size_t count) {
        const auto* const begin = static_cast<const std::byte*>(from);
        if (count != 0) bytes_.insert(bytes_.end(), begin, begin + count);
    }
    void pad() { bytes_.resize(padded(bytes_.size())); }

    std::vector<std::byte> bytes_ = std::vector<std::byte>(2 * sizeof(std::uint32_t));
};

// A number of 64 bits that is no option's value has its high half first, whatever the order of bytes.
void add_time(Block& block, std::int64_t at_ns) {
    block.add(static_cast<std::uint32_t>(static_cast<std::uint64_t>(at_ns) >> 32U));
    block.add(static_cast<std::uint32_t>(at_ns));
}

}  // namespace

std::vector<std::byte> section() {
    Block block;
    block.add(byte_order_magic);
    block.add(std::uint16_t{1});  // version 1.0
    block.add(std::uint16_t{0});
    block.add(~std::uint64_t{0});  // the section's length is not known
    return block.finish(section_header);
}

std::vector<std::byte> interface(std::string_view name, std::uint32_t snap_bytes) {
    constexpr std::uint8_t nanoseconds = 9;
    Block block;
    block.add(ethernet);
    block.add(std::uint16_t{0});
    block.add(snap_bytes);
    block.option(name_option, name);
    block.option(resolution_option, &nanoseconds, sizeof nanoseconds);
    block.option(end_of_options, {});
    return block.finish(interface_description);
}

std::vector<std::byte> packet(std::uint32_t interface, std::int64_t at_ns, std::span<const std::byte> frame,
                              Direction direction, std::string_view comment) {
    const PacketHead head = packet_head(interface, at_ns, frame.size(), frame.size(), 0);
    Block block;
    block.add(head.interface);
    block.add(head.time_high);
    block.add(head.time_low);
    block.add(head.captured_bytes);
    block.add(head.frame_bytes);
    block.bytes(frame);
    block.option(flags_option, &direction, sizeof direction);
    if (!comment.empty()) block.option(comment_option, comment);
    block.option(end_of_options, {});
    return block.finish(head.type);
}

std::vector<std::byte> statistics(std::uint32_t interface, std::int64_t at_ns, std::uint64_t passed,
                                  std::uint64_t missing) {
    Block block;
    block.add(interface);
    add_time(block, at_ns);
    block.option(received_option, &passed, sizeof passed);
    block.option(dropped_option, &missing, sizeof missing);
    block.option(end_of_options, {});
    return block.finish(interface_statistics);
}

}  // namespace skerry::trace::pcapng
