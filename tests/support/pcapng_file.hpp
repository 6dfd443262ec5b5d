#pragma once

// A pcapng file, taken apart.

#include "support/catch.hpp"

#include <skerry/trace/pcapng.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace skerry::tests {

struct PcapngBlock {
    std::uint32_t type = 0;
    std::string body;  ///< between the two lengths
};

struct PcapngPacket {
    std::uint32_t interface = 0;
    std::int64_t at_ns = 0;
    std::uint32_t frame_bytes = 0;
    std::string bytes;
    trace::pcapng::Direction direction{};
};

[[nodiscard]] inline std::string contents_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

[[nodiscard]] inline std::uint32_t word_at(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    REQUIRE(at + sizeof value <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

/// Its blocks; each must say its length twice.
[[nodiscard]] inline std::vector<PcapngBlock> pcapng_blocks(const std::string& file) {
    std::vector<PcapngBlock> blocks;
    for (std::size_t at = 0; at < file.size();) {
        const std::uint32_t length = word_at(file, at + 4);
        REQUIRE(length % 4 == 0);
        REQUIRE(length >= 12);
        REQUIRE(word_at(file, at + length - 4) == length);
        blocks.push_back({word_at(file, at), file.substr(at + 8, length - 12)});
        at += length;
    }
    return blocks;
}

[[nodiscard]] inline std::vector<PcapngPacket> pcapng_packets(const std::string& file) {
    std::vector<PcapngPacket> packets;
    for (const PcapngBlock& block : pcapng_blocks(file)) {
        if (block.type != 6) continue;
        PcapngPacket packet;
        packet.interface = word_at(block.body, 0);
        packet.at_ns = static_cast<std::int64_t>(std::uint64_t{word_at(block.body, 4)} << 32U | word_at(block.body, 8));
        const std::uint32_t captured = word_at(block.body, 12);
        packet.frame_bytes = word_at(block.body, 16);
        packet.bytes = block.body.substr(20, captured);
        const std::size_t options = 20 + trace::pcapng::padded(captured);
        REQUIRE(word_at(block.body, options) == (4U << 16U | 2U));  // on a little-endian machine
        packet.direction = static_cast<trace::pcapng::Direction>(word_at(block.body, options + 4));
        packets.push_back(std::move(packet));
    }
    return packets;
}

/// Of each interface that has statistics, in their order: how many frames passed, and how many are missing.
struct PcapngCounts {
    std::uint64_t passed = 0;
    std::uint64_t missing = 0;
};
[[nodiscard]] inline std::vector<PcapngCounts> pcapng_counts(const std::string& file) {
    std::vector<PcapngCounts> counts;
    for (const PcapngBlock& block : pcapng_blocks(file)) {
        if (block.type != 5) continue;
        REQUIRE(word_at(block.body, 12) == (8U << 16U | 4U));
        REQUIRE(word_at(block.body, 24) == (8U << 16U | 5U));
        counts.push_back({word_at(block.body, 16), word_at(block.body, 28)});
    }
    return counts;
}

}  // namespace skerry::tests
