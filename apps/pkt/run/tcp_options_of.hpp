#pragma once

// TCP options as a script writes them, as options of the wire.

#include "flow.hpp"
#include "live_packet.hpp"

#include "../syntax/tcp_options.hpp"

#include <vector>

namespace skerry::pkt {

/// Who sends them: the script's SACK blocks and echoes are in the machine's numbers when they go to the machine.
enum class SentBy : std::uint8_t { script, machine };

/// Stops:  with a skip: what no script can know (a digest, `...` in an option that is sent), more than 40 bytes, a
///         number of bytes that is no multiple of 4, an echo of a timestamp that was never seen.
[[nodiscard]] std::vector<LiveOption> live_options(const syntax::TcpOptions& options, const Flow& flow, SentBy by,
                                                   bool has_ack);

/// Why these are not the options that the script expects; nothing when they are.
[[nodiscard]] std::optional<std::string> options_mismatch(const syntax::TcpOptions& expected,
                                                          const std::vector<LiveOption>& seen, const Flow& flow,
                                                          std::int64_t stamp_tick_us, std::int64_t tolerance_us);

/// The value of the timestamps among them.
[[nodiscard]] std::optional<std::uint32_t> stamp_of(const std::vector<LiveOption>& options);
[[nodiscard]] std::optional<std::uint32_t> stamp_of(const syntax::TcpOptions& options);

}  // namespace skerry::pkt
