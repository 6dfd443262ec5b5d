#pragma once

// Lines for whoever runs the program: what the library cannot return to a caller, because nobody called. Rare, and
// never on a hot path: a link that went down, a core that sits far from its card.

#include <string_view>

namespace skerry::trace {

/// Takes one line, without a line feed. It may be called on any thread, several at once, and must not throw.
using NoticeSink = void (*)(std::string_view line) noexcept;

/// Where notices go from now on. Null, as in the beginning: nowhere.
///
/// Threads: any.
void set_notice_sink(NoticeSink sink) noexcept;

/// Hands a line to the sink.
///
/// Threads: any.
/// Cost:    the sink's.
void notice(std::string_view line) noexcept;

}  // namespace skerry::trace
