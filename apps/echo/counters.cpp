#include "counters.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace skerry::echo {

CoreState Cores::total() const noexcept {
    CoreState sum;
    for (std::size_t i = 0; i < count_; ++i) {
        const CoreState& core = cores_[i];
        sum.connections += core.connections;
        sum.messages += core.messages;
        sum.bytes_in += core.bytes_in;
        sum.bytes_out += core.bytes_out;
        sum.resets += core.resets;
        sum.garbage += core.garbage;
        sum.no_buffers += core.no_buffers;
        sum.unsent += core.unsent;
        sum.busy += core.busy;
    }
    return sum;
}

std::string to_json(const CoreState& total) {
    const std::array<std::pair<std::string_view, std::uint64_t>, 8> fields{{{"connections", total.connections},
                                                                            {"messages", total.messages},
                                                                            {"bytes_in", total.bytes_in},
                                                                            {"bytes_out", total.bytes_out},
                                                                            {"resets", total.resets},
                                                                            {"garbage", total.garbage},
                                                                            {"no_buffers", total.no_buffers},
                                                                            {"unsent", total.unsent}}};
    std::string out = "{";
    for (const auto& [name, value] : fields)
        out += (out.size() > 1 ? ", \"" : "\"") + std::string(name) + "\": " + std::to_string(value);
    return out + "}\n";
}

}  // namespace skerry::echo
