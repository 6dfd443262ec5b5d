// TCP's options against a second reader, which goes by index and knows nothing of the first; and what is read is
// written and read again.

#include <skerry/stack/wire/tcp_options.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;
using stack::Drop;

namespace {

using Values = std::map<unsigned, std::vector<unsigned>>;

// The last value of each kind.
Drop reference(const std::uint8_t* data, std::size_t size, Values& values) {
    static const std::map<unsigned, std::vector<unsigned>> lengths{
        {2, {4}}, {3, {3}}, {4, {2}}, {5, {10, 18, 26, 34}}, {8, {10}}};
    for (std::size_t i = 0; i < size && data[i] != 0;) {
        if (data[i] == 1) {
            ++i;
            continue;
        }
        if (i + 1 == size || data[i + 1] < 2 || i + data[i + 1] > size) return Drop::tcp_option_length;
        const unsigned length = data[i + 1];
        if (const auto known = lengths.find(data[i]); known != lengths.end()) {
            if (std::count(known->second.begin(), known->second.end(), length) == 0) return Drop::tcp_option_size;
            values[data[i]].assign(data + i + 2, data + i + length);
        }
        i += length;
    }
    return Drop::none;
}

unsigned number(const std::vector<unsigned>& bytes, std::size_t at, std::size_t count) {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8U | bytes[at + i];
    return value;
}

void compare(const TcpOptions& options, Values& values) {
    fuzz::require(options.has_mss == (values.count(2) != 0), "MSS seen");
    fuzz::require(!options.has_mss || options.mss == number(values[2], 0, 2), "MSS");
    fuzz::require(options.has_window_scale == (values.count(3) != 0), "scale seen");
    fuzz::require(!options.has_window_scale || options.window_scale == std::min(values[3][0], 14U), "scale");
    fuzz::require(options.sack_permitted == (values.count(4) != 0), "SACK-permitted seen");
    fuzz::require(options.has_timestamps == (values.count(8) != 0), "timestamps seen");
    fuzz::require(!options.has_timestamps || options.timestamps == TcpTimestamps{number(values[8], 0, 4),  //
                                                                                 number(values[8], 4, 4)},
                  "timestamps");
    fuzz::require(options.sack_blocks == (values.count(5) != 0 ? values[5].size() / 8 : 0), "number of SACK blocks");
    for (std::size_t i = 0; i < options.sack_blocks; ++i)
        fuzz::require(options.sack[i] == SackBlock{number(values[5], 8 * i, 4), number(values[5], 8 * i + 4, 4)},
                      "SACK block");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    TcpOptions options;
    const Drop drop = parse(in, options);
    Values values;
    fuzz::require(drop == reference(data, size, values), "both readers agree on the refusal");
    if (drop != Drop::none) return 0;
    compare(options, values);
    if (has_only_timestamps(in))
        fuzz::require(options.has_timestamps && options.timestamps == load_only_timestamps(in), "the fast check");

    std::array<std::byte, tcp_options_bytes_max> out{};
    TcpOptions again;
    std::size_t bytes = 0;
    for (const SynLayout layout : {SynLayout::linux_like, SynLayout::freebsd}) {
        bytes = write_syn_options(options, out.data(), layout);
        fuzz::require(parse(std::span{out}.first(bytes), again) == Drop::none, "a SYN's options are read");
        fuzz::require(again.mss == options.mss && again.window_scale == options.window_scale &&
                          again.sack_permitted == options.sack_permitted && again.timestamps == options.timestamps,
                      "a SYN's options");
    }
    options.sack_blocks =
        std::min(options.sack_blocks, static_cast<std::uint8_t>(sack_blocks_fit(options.has_timestamps)));
    bytes = write_data_options(options, out.data());
    fuzz::require(bytes <= out.size() && parse(std::span{out}.first(bytes), again) == Drop::none, "data's are read");
    fuzz::require(again.sack_blocks == options.sack_blocks, "data's SACK blocks");
    return 0;
}
