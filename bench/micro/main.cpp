// skerry-micro: what the task core costs, test by test, for comparison with other runtimes.
//
//   skerry-micro --list                         the names of the tests
//   skerry-micro [--threads 1|2] [--only TEST,...] [--scale F]
//
// Each test runs a tenth-size warm-up pass and then the measured one, and prints lines of
// test,threads,metric,unit,value. The tests are those of DESIGN section 4.

#include "harness.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace skerry::micro {

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Run::emit(std::string_view test, std::string_view metric, std::string_view unit, double value) const {
    if (quiet) return;
    std::printf("%.*s,%zu,%.*s,%.*s,%.4f\n", static_cast<int>(test.size()), test.data(), threads,
                static_cast<int>(metric.size()), metric.data(), static_cast<int>(unit.size()), unit.data(), value);
    std::fflush(stdout);
}

namespace {

constexpr std::array tests = {
    "idle_task",      "idle_notify",        "idle_sleep",    "spawn_join_1m", "spawn_join_b100", "yield_1",
    "yield_100",      "chain_spawn",        "pp_oneshot",    "pp_chan",       "mpsc_b1000_p1",   "mpsc_unb_p1",
    "mpsc_b1000_p4",  "mpsc_unb_p4",        "mutex_unc",     "mutex_c4",      "mutex_c4_hold",   "timer_churn",
    "timer_bulk",     "timer_fire",         "timeout_yield", "skynet",        "call_leaf",       "call_fib",
    "blocking",       "pp_cross",           "local_chan",    "local_pp",      "local_mutex",     "select_loser",
    "mutex_c4_apart", "mutex_c4_hold_apart"};

[[noreturn]] void usage(const char* wrong) {
    std::fprintf(stderr,
                 "skerry-micro: %s; usage: skerry-micro [--list] [--threads 1|2] [--only TEST,...] [--scale F]\n",
                 wrong);
    std::exit(2);
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        names.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return names;
}

void run_test(const Run& run, const std::string& test) {
    run_task_tests(run, test);
    run_channel_tests(run, test);
    run_timer_tests(run, test);
}

}  // namespace

}  // namespace skerry::micro

int main(int argc, char** argv) {
    using namespace skerry::micro;
    Run run;
    std::vector<std::string> only(tests.begin(), tests.end());
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--list") {
            for (const char* test : tests) std::printf("%s ", test);
            std::printf("\n");
            return 0;
        }
        if (i + 1 >= argc) usage("an option without its value, or an unknown one");
        const char* value = argv[++i];
        if (option == "--threads")
            run.threads = static_cast<std::size_t>(std::strtoul(value, nullptr, 10));
        else if (option == "--only")
            only = split(value);
        else if (option == "--scale")
            run.scale = std::strtod(value, nullptr);
        else
            usage("unknown option");
    }
    if (run.threads != 1 && run.threads != 2) usage("--threads takes 1 or 2");
    for (const std::string& test : only) {
        if (std::find(tests.begin(), tests.end(), test) == tests.end()) usage("unknown test");
        Run warm_up = run;
        warm_up.quiet = true;
        warm_up.scale *= 0.1;
        if (!test.starts_with("idle_") && test != "timer_fire") run_test(warm_up, test);
        run_test(run, test);
    }
    return 0;
}
