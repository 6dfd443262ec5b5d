#pragma once

// What it takes to move many bytes, one way beside another in the same run.

#include "measure.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <vector>

namespace skerry::bench {

inline constexpr std::size_t bytes_of_round = 256U << 20U;

struct Spent {
    double cpu_ms_of_gb = 0;  ///< of the thread that measures
    double gb_of_second = 0;
};

/// From its making on, for one round.
class BulkTimer {
public:
    [[nodiscard]] Spent spent() const {
        constexpr double gigabytes = static_cast<double>(bytes_of_round) * 1e-9;
        const double cpu = cpu_seconds_of_thread() - cpu_before_;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
        return {cpu * 1e3 / gigabytes, gigabytes / took.count()};
    }

private:
    static double cpu_seconds_of_thread() {
        timespec spent;
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
    }

    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    double cpu_before_ = cpu_seconds_of_thread();
};

/// Rounds of a usual way and another. The counters are medians over them.
class Comparison {
public:
    void add(const Spent& usual, const Spent& other) {
        usual_cpu_.push_back(usual.cpu_ms_of_gb);
        usual_rate_.push_back(usual.gb_of_second);
        cpu_ratio_.push_back(other.cpu_ms_of_gb / usual.cpu_ms_of_gb);
        rate_ratio_.push_back(other.gb_of_second / usual.gb_of_second);
    }

    void report(benchmark::State& state, const std::string& usual) {
        state.counters[usual + "_ms/GB"] = quantile(usual_cpu_, 0.5);
        state.counters[usual + "_GB/s"] = quantile(usual_rate_, 0.5);
        state.counters["cpu_ratio"] = quantile(cpu_ratio_, 0.5);
        state.counters["rate_ratio"] = quantile(rate_ratio_, 0.5);
    }

private:
    std::vector<double> usual_cpu_;
    std::vector<double> usual_rate_;
    std::vector<double> cpu_ratio_;
    std::vector<double> rate_ratio_;
};

}  // namespace skerry::bench
