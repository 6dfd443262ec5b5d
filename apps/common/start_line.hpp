#pragma once

// The line a server prints once it listens: scripts wait for it, people read in it which backend and cores were
// taken and why.

#include <skerry/runtime/config.hpp>
#include <skerry/time/clock.hpp>

#include <string>

namespace skerry::apps {

/// What the start line tells beside the plan of the cores.
struct StartLine {
    std::string program;         ///< "skerry-echo"
    std::string service;         ///< "tcp echo"
    std::string address;         ///< where it listens, with the port the system chose
    std::string backend;         ///< the one that runs
    std::string backend_reason;  ///< why that one; may be empty
    std::string clock = time::Clock::describe();  ///< where the time comes from
};

/// `skerry-echo: tcp echo on 127.0.0.1:7001, backend epoll (reason), cores 0,1 (reasons), idle sleep, clock tsc, ...`,
/// without a newline. Cores that idle differently are listed: `idle spin on 0, sleep on 1`.
std::string format_start_line(const StartLine& line, const runtime::CorePlan& plan);

}  // namespace skerry::apps
