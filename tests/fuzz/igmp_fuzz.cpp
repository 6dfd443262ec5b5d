// IGMP: with the checksum believed every input reaches the types; what we could send is written back and read alike.

#include <skerry/stack/wire/igmp.hpp>

#include "fuzz.hpp"

#include <array>

using namespace skerry;
using namespace skerry::stack::wire;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    IgmpMessage message;
    static_cast<void>(parse(in, message));
    if (parse(in, message, FrameChecksum::good) != stack::Drop::none) return 0;
    const bool query = message.type == IgmpType::query;
    fuzz::require(query == (message.query_version != 0) && message.query_version <= 3, "queries have a version");
    fuzz::require(message.group.is_multicast() || (query && message.group.is_unspecified()), "a group is a group");
    if (message.query_version == 3) return 0;
    std::array<std::byte, igmp_bytes> out{};
    write(message, out.data());
    IgmpMessage again;
    fuzz::require(parse(out, again) == stack::Drop::none, "what is written is read");
    fuzz::require(again.type == message.type && again.query_version == message.query_version &&
                      again.max_response_tenths == message.max_response_tenths && again.group == message.group,
                  "written as read");
    return 0;
}
