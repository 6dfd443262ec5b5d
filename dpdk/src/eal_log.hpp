#pragma once

// EAL's log. Nothing of it is printed: what counts of a failure is put into our own error line.

#include <cstdio>
#include <string>

namespace skerry::dpdk::eal_log {

/// Becomes the stream of EAL's log, for good. Threads: before rte_eal_init().
void capture();

/// From now on `listener` is called before each message that EAL or a driver logs, for good. It comes on whatever
/// thread logs, and others that log wait for it.
void on_message(void (*listener)() noexcept) noexcept;

/// Forgets the errors that were logged so far.
void forget();

/// The text of the first error since forget(), without its newline; empty when there was none. The first and not the
/// last: EAL goes on from the cause to `Invalid 'command line' arguments`, which says nothing.
[[nodiscard]] std::string first_error();

/// `what: the first error`, or `what` alone when EAL logged none.
[[nodiscard]] std::string explain(std::string what);

/// While it lives, what this process prints through stdio goes nowhere. rte_eal_init() prints a failure to stderr
/// beside logging it, and getopt prints there too; both write through these two pointers, which glibc lets a program
/// set. Other threads lose what they print meanwhile: a few milliseconds at the program's start.
class Hush {
public:
    Hush();
    ~Hush();
    Hush(const Hush&) = delete;
    Hush& operator=(const Hush&) = delete;

private:
    std::FILE* out_;
    std::FILE* err_;
    std::FILE* nowhere_;
};

}  // namespace skerry::dpdk::eal_log
