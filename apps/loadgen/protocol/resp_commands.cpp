#include "resp_commands.hpp"

#include <algorithm>
#include <cstring>

namespace skerry::loadgen {

namespace {

constexpr std::size_t block_bytes = 16'384;
constexpr std::string_view key_prefix = "key:";
constexpr std::size_t key_digits = 12;
constexpr std::size_t line_end_bytes = 2;

std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

// The last step of SplitMix64 (Steele, Lea, Flood 2014), which makes of neighbouring numbers unlike ones.
std::uint64_t mixed(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

RespTemplate template_of(RespCommand command, std::uint64_t value_bytes) {
    if (command == RespCommand::ping) return {"*1\r\n" + bulk("PING"), 0};
    RespTemplate made;
    made.text = command == RespCommand::get ? "*2\r\n" + bulk("GET") : "*3\r\n" + bulk("SET");
    made.text += bulk(std::string(key_prefix) + std::string(key_digits, '0'));
    made.key_at = made.text.size() - line_end_bytes - key_digits;
    if (command == RespCommand::set) made.text += bulk(std::string(value_bytes, 'x'));
    return made;
}

}  // namespace

std::string_view to_string(RespCommand command) noexcept {
    switch (command) {
        case RespCommand::get: return "get";
        case RespCommand::set: return "set";
        case RespCommand::ping: break;
    }
    return "ping";
}

RespCommands::RespCommands(const RespSettings& settings, std::uint64_t seed)
    : settings_(&settings), seed_(mixed(seed)) {
    std::size_t longest = 1;
    for (const RespCommand command : settings.commands) {
        templates_.push_back(template_of(command, settings.value_bytes));
        longest = std::max(longest, templates_.back().text.size());
    }
    count_max_ = std::max<std::size_t>(block_bytes / longest, 1);
    buffer_.resize(count_max_ * longest);
}

std::size_t RespSettings::command_bytes_max() const {
    std::size_t bytes = 0;
    for (const RespCommand command : commands) bytes = std::max(bytes, template_of(command, value_bytes).text.size());
    return bytes;
}

std::uint64_t RespCommands::key(std::uint64_t number) const noexcept {
    return mixed(seed_ + number * 0x9e3779b97f4a7c15) % settings_->keys;
}

std::span<const std::byte> RespCommands::bytes(std::uint64_t first, std::size_t count) noexcept {
    char* to = buffer_.data();
    for (std::uint64_t number = first; number != first + count; ++number)
        to = append(to, templates_[number % templates_.size()], number);
    return std::as_bytes(std::span(buffer_.data(), to));
}

char* RespCommands::append(char* to, const RespTemplate& command, std::uint64_t number) const noexcept {
    std::memcpy(to, command.text.data(), command.text.size());
    if (command.key_at != 0) {
        char* digit = to + command.key_at + key_digits;
        for (std::uint64_t left = key(number); left != 0; left /= 10) *--digit = static_cast<char>('0' + left % 10);
    }
    return to + command.text.size();
}

}  // namespace skerry::loadgen
