// MLD: the first byte chooses how the message travelled. What we could send is written back and read alike; the records
// of a report are gone through, and what a writer makes of them holds the same.

#include <skerry/stack/wire/mld.hpp>

#include "fuzz.hpp"

#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

namespace {

struct Travelled {
    Ipv6Header ip;
    Ipv6Chain chain;
};

Travelled travelled(std::uint8_t how) {
    const Ipv6Addr sources[] = {Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 2), Ipv6Addr{},
                                Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
                                Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 3)};
    Travelled travelled;
    travelled.ip.source = sources[how & 3U];
    travelled.ip.destination = Ipv6Addr::all_nodes();
    travelled.ip.hop_limit = (how & 4U) != 0 ? 2 : mld_hop_limit;
    travelled.chain.router_alert = (how & 8U) == 0;
    return travelled;
}

std::vector<Ipv6Addr> listed(const MldSources& sources) {
    std::vector<Ipv6Addr> list;
    for (std::size_t i = 0; i < sources.size(); ++i) list.push_back(sources[i]);
    return list;
}

void check_report(MldRecords records, const Travelled& how) {
    std::vector<std::byte> room(2000);
    MldReportWriter writer{room};
    MldRecord record;
    const MldRecords all = records;
    while (records.next(record)) {
        fuzz::require(record.group.is_multicast(), "a group is a group");
        const auto sources = listed(record.sources);
        const bool fits = sources.size() <= writer.sources_fit();
        const bool added = writer.add(record.type, record.group, sources);
        fuzz::require(!added || fits, "no more is added than fits");
        if (!added) return;
    }
    fuzz::require(writer.records() == all.left(), "each record was added");
    seal_icmpv6(writer.message(), how.ip.source, how.ip.destination);
    MldMessage again;
    fuzz::require(parse(writer.message(), again, how.ip, how.chain) == stack::Drop::none, "what is written is read");
    MldRecords before = all;
    MldRecord other;
    while (before.next(record)) {
        fuzz::require(again.records.next(other), "each record is read");
        fuzz::require(
            record.type == other.type && record.group == other.group && listed(record.sources) == listed(other.sources),
            "written as read");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    const Travelled how = travelled(data[0]);
    MldMessage message;
    static_cast<void>(parse(in, message, how.ip, how.chain));
    if (parse(in, message, how.ip, how.chain, FrameChecksum::good) != stack::Drop::none) return 0;
    fuzz::require(how.ip.hop_limit == 1 && how.chain.router_alert, "from this link");
    if (message.type == Icmpv6Type::listener_report_v2) {
        check_report(message.records, how);
        return 0;
    }
    const bool query = message.type == Icmpv6Type::listener_query;
    fuzz::require(query == (message.query_version != 0) && message.query_version <= 2, "queries have a version");
    fuzz::require(!query || how.ip.source.is_link_local(), "queries come from routers");
    fuzz::require(message.group.is_multicast() || (query && message.group.is_unspecified()), "a group is a group");
    std::vector<std::byte> out(mld_v2_query_bytes + message.sources.bytes.size());
    out.resize(write(message, out.data()));
    seal_icmpv6(out, how.ip.source, how.ip.destination);
    MldMessage again;
    fuzz::require(parse(out, again, how.ip, how.chain) == stack::Drop::none, "what is written is read");
    fuzz::require(again.type == message.type && again.query_version == message.query_version &&
                      again.max_response_ms == message.max_response_ms && again.group == message.group &&
                      again.suppress == message.suppress && again.robustness == message.robustness &&
                      again.query_interval_s == message.query_interval_s &&
                      listed(again.sources) == listed(message.sources),
                  "written as read");
    return 0;
}
