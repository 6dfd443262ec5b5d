// skerry-link: a link between two devices with a rate, a delay, a queue, and losses by seed.

#include "carrier.hpp"
#include "settings.hpp"

#include "common/output_file.hpp"
#include "common/process.hpp"
#include "common/report.hpp"

#include <sys/prctl.h>

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace {

using namespace skerry;

volatile std::sig_atomic_t is_over = 0;

std::string json_of(const link::DirectionCounts& counts) {
    const auto field = [](const char* name, std::uint64_t value, const char* end = ", ") {
        return "\"" + std::string(name) + "\": " + std::to_string(value) + end;
    };
    return "{" + field("frames", counts.frames) + field("bytes", counts.bytes) + field("arrived", counts.arrived) +
           field("lost", counts.lost) + field("reordered", counts.reordered) + field("queue_full", counts.queue_full) +
           field("refused", counts.refused) + field("too_long", counts.too_long) +
           field("no_room", counts.no_room, "}");
}

std::string json_of(const link::Carrier& carrier) {
    const auto us = [&](double percentile) {
        return std::to_string(static_cast<double>(carrier.lateness().value_at_percentile(percentile)) / 1000.0);
    };
    return "{\"forth\": " + json_of(carrier.forth()) + ", \"back\": " + json_of(carrier.back()) +
           ", \"late_us_p50\": " + us(50) + ", \"late_us_p99\": " + us(99) + ", \"late_us_max\": " + us(100) + "}\n";
}

int finish(const link::Carrier& carrier, std::optional<apps::OutputFile>& json) {
    const std::string text = json_of(carrier);
    const int printed = apps::print(text);
    if (!json) return printed;
    const auto written = json->write(text);
    return written ? printed : apps::report(written.error());
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    auto settings = link::read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    std::optional<apps::OutputFile> json;
    if (!settings->json_file.empty()) {
        auto file = apps::OutputFile::open(settings->json_file);
        if (!file) return apps::report(file.error());
        json.emplace(std::move(*file));
    }
    auto left = link::Device::open(settings->left);
    if (!left) return apps::report(left.error());
    auto right = link::Device::open(settings->right);
    if (!right) return apps::report(right.error());
    for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { is_over = 1; });
    (void)::prctl(PR_SET_TIMERSLACK, 1);  // else the kernel may wake us 50 µs late, to save power
    link::Carrier carrier(std::move(*left), std::move(*right), settings->forth, settings->back);
    if (const int printed = apps::print("skerry-link: carries\n"); printed != 0) return printed;
    const auto carried = carrier.run(is_over);
    const int failed = carried ? 0 : apps::report(carried.error());
    const int finished = finish(carrier, json);
    return failed != 0 ? failed : finished;
}
