#pragma once

// A whole script.
//
//     --ip_version=ipv4                      options, with or without commands in backticks between them
//     `sysctl -w net.inet.tcp.sack.enable=1`
//     0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//     +0 < S 0:0(0) win 65535                events: each a time, and a packet, a call, a command or code
//     `setkey -F`                            a command to clean up
//
// Nothing is executed here, and what the names of options, calls and constants mean is not known here.
//
// Source:   the language is packetdrill's; what it is was learned from scripts, the reader is of our own shape.

#include "calls.hpp"
#include "code.hpp"
#include "defines.hpp"
#include "fault.hpp"
#include "packet.hpp"
#include "times.hpp"

#include <skerry/base/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry::pkt::syntax {

/// `--name=value` or `--name`.
struct Option {
    Position at;
    std::string name;
    std::optional<std::string> value;
};

/// The text between two backticks, of one line or several.
struct ShellCommand {
    Position at;
    std::string text;
};

/// An event that is not understood at all keeps its place and its time.
using Action = std::variant<Packet, SystemCall, ShellCommand, CodeBlock, Unsupported>;

struct Event {
    EventTime time;
    Action action;
};

struct Script {
    std::string file;
    std::vector<Option> options;
    std::vector<ShellCommand> init;
    std::vector<Event> events;
    std::vector<ShellCommand> cleanup;
    /// Everything that is not understood, in the order of the text. Empty: all of the script is.
    std::vector<Unsupported> unsupported;
};

/// Reads a script. `file` is its name in messages and nothing else.
///
/// Errors:   a Fault, which says where, what was expected and what was found. What is known and not supported is no
///           error: it is in `unsupported`.
/// Cost:     about linear in the text; limits.hpp says what a script may have at most.
[[nodiscard]] Result<Script, Fault> parse_script(std::string file, std::string_view text, const Defines& defines = {});

}  // namespace skerry::pkt::syntax
