#include "start_line.hpp"

#include <map>

namespace skerry::apps {

namespace {

std::string in_parentheses(const std::string& text) { return text.empty() ? text : " (" + text + ")"; }

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : "; ") + text;
    return out;
}

std::string idle_text(const runtime::CorePlan& plan) {
    std::map<runtime::IdlePolicy, topology::CpuSet> cores_of;
    for (const runtime::PlannedCore& core : plan.cores) cores_of[core.idle].insert(core.cpu);
    std::string out;
    for (const auto& [idle, cores] : cores_of) {
        if (!out.empty()) out += ", ";
        out += runtime::to_string(idle);
        if (cores_of.size() > 1) out += " on " + cores.to_string();
    }
    return out;
}

}  // namespace

std::string format_start_line(const StartLine& line, const runtime::CorePlan& plan) {
    return line.program + ": " + line.service + " on " + line.address + ", backend " + line.backend +
           in_parentheses(line.backend_reason) + ", cores " + plan.cpus().to_string() +
           in_parentheses(joined(plan.reasons)) + ", idle " + idle_text(plan) + ", clock " + line.clock;
}

}  // namespace skerry::apps
