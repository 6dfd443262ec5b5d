#pragma once

// Reports to draw, to save and to compare, made as a run makes them.

#include "loadgen/report/report.hpp"

#include <cstdint>
#include <functional>

namespace loadgen_sample {

using namespace skerry::loadgen;

/// `seconds` of 1,000 requests a second, each answered after `service(i)`, in intervals of 100 ms.
inline Report report(int seconds, const std::function<Nanos(int)>& service) {
    using namespace std::chrono_literals;
    Recorder recorder({Loop::open, 0s, std::chrono::seconds{seconds}, 1ms, 100ms});
    for (int i = 0; i < 1'000 * seconds; ++i) {
        const Nanos due = i * 1ms;
        recorder.on_send(due, due + 1us);
        recorder.on_reply(due, due + 1us, due + 1us + service(i));
    }
    Report report;
    report.run = {"epoll", "tcp", 64, 1, 0, "sleep", "spin", 1'000.0, Arrivals::constant, 0.5, 12.75};
    report.run.backend_reason = "the first that works";
    report.run.mode = "echo";
    report.run.cores = "1";
    report.run.command = "skerry-loadgen --connect='<a>&b:1'";
    report.run.started_s = 1'700'000'000.25;
    report.summary = recorder.summary();
    report.machine = {"A <CPU>", 2, "Linux 6.1 x86_64", "g++ 12.2.0", "release", "0.1.0", true, "none", "tsc", "none"};
    return report;
}

/// Times that differ from request to request, the same each time.
inline Nanos uneven(int i) { return Nanos(20'000 + (i * 7'919LL) % 10'000); }

}  // namespace loadgen_sample
