#include "resp.hpp"

#include <algorithm>
#include <string_view>

namespace skerry::loadgen {

namespace {

constexpr std::size_t complaint_bytes_max = 200;

}  // namespace

Taken Resp::take(std::span<const std::byte>& data, std::uint64_t number) {
    std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const RespStep step = reply_.take(text);
    data = data.last(text.size());
    switch (step) {
        case RespStep::more: return Taken::more;
        case RespStep::fault: return Taken::broken;
        case RespStep::complete: break;
    }
    if (reply_.kind() == RespKind::error) return Taken::refusal;
    return fits(commands_.command(number)) ? Taken::answer : Taken::damaged;
}

bool Resp::fits(RespCommand command) const noexcept {
    switch (command) {
        case RespCommand::get: return reply_.kind() == RespKind::value || reply_.kind() == RespKind::nothing;
        case RespCommand::set: return reply_.is_ok();
        case RespCommand::ping: break;
    }
    return reply_.is_pong();
}

// The words go to a terminal: what could move its cursor does not.
std::string Resp::complaint() const {
    if (reply_.fault() != RespFault::none) return std::string(to_string(reply_.fault()));
    if (reply_.kind() != RespKind::error) return "a reply of another kind than the command has";
    std::string words = reply_.error().substr(0, complaint_bytes_max);
    std::replace_if(words.begin(), words.end(), [](char c) { return c < ' ' || c == '\x7f'; }, '?');
    return words;
}

}  // namespace skerry::loadgen
