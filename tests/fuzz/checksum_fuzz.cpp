// The checksum against a loop over 16-bit words, whole and in two pieces; the first two bytes say where it is cut.

#include <skerry/stack/wire/checksum.hpp>

#include "fuzz.hpp"

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto in = fuzz::bytes_of(data + 2, size - 2);
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
        total += i % 2 == 0 ? load_8(&in[i]) * 256U : load_8(&in[i]);
        total = (total & 0xffffU) + (total >> 16U);
    }
    const std::uint16_t expected = swap_be16(static_cast<std::uint16_t>(~total));
    fuzz::require(fold(sum(in)) == expected, "the sum of the whole");
    const std::size_t cut = (data[0] * std::size_t{256} + data[1]) % (in.size() + 1);
    PieceSum pieces;
    pieces.add(in.first(cut));
    pieces.add(in.subspan(cut));
    fuzz::require(pieces.folded() == expected, "the sum of two pieces");
    return 0;
}
