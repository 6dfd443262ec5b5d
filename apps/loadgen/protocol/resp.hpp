#pragma once

// Hot path. RESP2, the protocol of Redis, over one connection: commands, and replies of the kind that each command has.

#include "resp_commands.hpp"
#include "resp_reply.hpp"
#include "stream_protocol.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace skerry::loadgen {

class Resp {
public:
    static constexpr bool reconnects = false;
    static constexpr bool numbers_answers = false;

    /// Lifetime: `settings` outlives it.
    Resp(const RespSettings& settings, std::uint64_t seed) : commands_(settings, seed) {}

    [[nodiscard]] std::span<const std::byte> requests(std::uint64_t first, std::size_t count) noexcept {
        return commands_.bytes(first, count);
    }
    [[nodiscard]] std::size_t batch_max() const noexcept { return commands_.count_max(); }

    /// An error of the server is a refusal; a key that has no value is an answer.
    [[nodiscard]] Taken take(std::span<const std::byte>& data, std::uint64_t number);

    /// The server's words for a refusal, at most 200 bytes of them; of a broken reply why it is none.
    [[nodiscard]] std::string complaint() const;

private:
    [[nodiscard]] bool fits(RespCommand command) const noexcept;

    RespCommands commands_;
    RespReply reply_;
};

static_assert(StreamProtocol<Resp>);

}  // namespace skerry::loadgen
