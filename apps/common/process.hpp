#pragma once

// What the machine hands a program before its first line, brought into a known state.

namespace skerry::apps {

/// Called first in main():
///
/// - Standard descriptors that the caller closed are opened on /dev/null. Otherwise a socket would get number 1 or 2,
///   and what is printed would go to a peer.
/// - SIGPIPE is ignored: a reader of our output that goes away must not end a server, and the write that fails is told.
/// - The soft limit of open descriptors is raised to the hard one. Systems keep the soft limit at 1,024 for programs
///   that call select(), which cannot name a higher descriptor; these programs do not call it.
/// - A program that cannot go on for want of memory ends with one line and 1, not with a core image.
/// - The library's notices go to standard error, as `PROGRAM: note: LINE`.
///
/// Threads: before any other is started.
void prepare_process() noexcept;

}  // namespace skerry::apps
