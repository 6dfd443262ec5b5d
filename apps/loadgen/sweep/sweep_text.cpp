#include "sweep_text.hpp"

#include "common/number_text.hpp"

namespace skerry::loadgen {

std::string knee_text(const SweepResult& result) {
    if (result.knee == 0 && result.p99_max_us == 0)
        return "no knee: at " + apps::grouped_text(result.from) +
               " requests a second there was no valid run; see why above, or lower --from";
    const std::string bound = "a response p99 of at most " + apps::fixed_text(result.p99_max_us, 0) + " us";
    if (result.knee == 0)
        return "no knee: at " + apps::grouped_text(result.from) + " requests a second there was no valid run with " +
               bound + "; lower --from, or raise --p99-max";
    const std::string rate = apps::grouped_text(result.knee) + " requests a second";
    if (!result.is_bounded) return "the knee lies at " + rate + " or above: no rate that was tried failed; raise --to";
    return "knee: " + rate + ", the largest rate that was valid with " + bound;
}

std::string to_json(const SweepResult& result, std::span<const Report> reports) {
    return "{\n\"schema_version\": " + std::to_string(report_schema_version) +
           ",\n\"knee\": " + std::to_string(result.knee) +
           ",\n\"knee_is_bounded\": " + (result.is_bounded ? "true" : "false") +
           ",\n\"p99_max_us\": " + apps::exact_text(result.p99_max_us) + ",\n\"runs\": " + to_json(reports) + "}\n";
}

}  // namespace skerry::loadgen
