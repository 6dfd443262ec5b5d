#pragma once

// What skerry-loadgen asks a server that speaks RESP2 for.
//
// The commands are taken in turn: `get, get, set` sends two GET for each SET. Keys are named as redis-benchmark names
// them (key:000000000042), and drawn anew for each command from the connection's seed and the command's number, so that
// a run can be repeated.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

enum class RespCommand : std::uint8_t { ping, get, set };

[[nodiscard]] std::string_view to_string(RespCommand command) noexcept;

struct RespSettings {
    static constexpr std::uint64_t keys_max = 1'000'000'000'000;  // twelve digits

    std::vector<RespCommand> commands{RespCommand::ping};
    std::uint64_t keys = 10'000;
    std::uint64_t value_bytes = 64;

    /// Bytes of the longest command.
    [[nodiscard]] std::size_t command_bytes_max() const;
};

/// A command with a key of zeros.
struct RespTemplate {
    std::string text;
    std::size_t key_at = 0;  ///< of the key's digits; 0: it has no key
};

/// The commands of one connection.
///
/// Threads: one.
/// Cost:    no allocation after the constructor; a command is copied once.
class RespCommands {
public:
    /// Lifetime: `settings` outlives it.
    RespCommands(const RespSettings& settings, std::uint64_t seed);

    /// `count` commands, numbered from `first`, one behind the other. Valid until the next call.
    ///
    /// Shape: 1 <= count <= count_max().
    [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t first, std::size_t count) noexcept;
    [[nodiscard]] std::size_t count_max() const noexcept { return count_max_; }

    [[nodiscard]] RespCommand command(std::uint64_t number) const noexcept {
        return settings_->commands[number % settings_->commands.size()];
    }
    /// The number in the key of command `number`, below the number of keys.
    [[nodiscard]] std::uint64_t key(std::uint64_t number) const noexcept;

private:
    char* append(char* to, const RespTemplate& command, std::uint64_t number) const noexcept;

    const RespSettings* settings_;
    std::uint64_t seed_;
    std::vector<RespTemplate> templates_;  // one for each of the settings' commands
    std::size_t count_max_ = 1;
    std::vector<char> buffer_;
};

}  // namespace skerry::loadgen
