#include "counters.hpp"

#include <string_view>
#include <utility>

namespace skerry::echo {

Counts& Counts::operator+=(const Counts& other) noexcept {
    connections += other.connections;
    messages += other.messages;
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
    resets += other.resets;
    garbage += other.garbage;
    no_buffers += other.no_buffers;
    unsent += other.unsent;
    busy += other.busy;
    return *this;
}

Snapshot& Snapshot::operator+=(const Snapshot& other) noexcept {
    counts += other.counts;
    held += other.held;
    drops += other.drops;
    return *this;
}

Snapshot Cores::snapshot_here() noexcept { return {here(), runtime::core_stats(), net::stack_counters()}; }

namespace {

Task<Snapshot> snapshot_of(Cores* cores) { co_return cores->snapshot_here(); }

void append(std::string& object, std::string_view name, std::uint64_t value) {
    object += (object.size() > 1 ? ", \"" : "\"") + std::string(name) + "\": " + std::to_string(value);
}

}  // namespace

Task<Snapshot> Cores::snapshot() {
    Snapshot sum;
    auto asked = on_each_core(&snapshot_of, this);
    for (auto& core : asked)
        if (auto snapshot = co_await core) sum += *snapshot;
    co_return sum;
}

std::string to_json(const Snapshot& snapshot) {
    const Counts& counts = snapshot.counts;
    const runtime::CoreStats& held = snapshot.held;
    const std::pair<std::string_view, std::uint64_t> fields[] = {{"connections", counts.connections},
                                                                 {"messages", counts.messages},
                                                                 {"bytes_in", counts.bytes_in},
                                                                 {"bytes_out", counts.bytes_out},
                                                                 {"resets", counts.resets},
                                                                 {"garbage", counts.garbage},
                                                                 {"no_buffers", counts.no_buffers},
                                                                 {"unsent", counts.unsent},
                                                                 {"accept_paused", held.sockets.accept_paused},
                                                                 {"sockets", held.sockets.open},
                                                                 {"tasks", held.live_tasks},
                                                                 {"slab_bytes", held.slab.chunk_bytes},
                                                                 {"slab_blocks", held.slab.live_blocks},
                                                                 {"buffers_out", held.sockets.buffers_out},
                                                                 {"buffers_made", held.sockets.buffers_made},
                                                                 {"steered", held.sockets.steered},
                                                                 {"port_checksum", held.sockets.port_checksum},
                                                                 {"stack_checksum", held.sockets.stack_checksum}};
    std::string out = "{";
    for (const auto& [name, value] : fields) append(out, name, value);
    std::string drops = "{";
    for (std::size_t i = 0; i < net::StackCounters::size(); ++i)
        if (const auto drop = snapshot.drops[i]; drop.count != 0) append(drops, drop.name, drop.count);
    return out + ", \"drops\": " + drops + "}}\n";
}

}  // namespace skerry::echo
