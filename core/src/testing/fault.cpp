#include "random.hpp"

#include <skerry/testing/fault.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace skerry::testing {

namespace {

using std::chrono::nanoseconds;

std::string seconds(nanoseconds duration) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(duration.count()) / 1e9);
    return text.data();
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

void add(std::string& text, const char* what, double probability) {
    if (probability <= 0) return;
    std::array<char, 64> part;
    std::snprintf(part.data(), part.size(), ", %s %.1f %%", what, probability * 100);
    text += part.data();
}

std::string told(const Link& link) {
    std::string text = "every link: delay " + seconds(link.delay);
    if (link.jitter.count() > 0) text += ", jitter " + seconds(link.jitter);
    add(text, "drop", link.drop);
    add(text, "bursts", link.burst_loss.to_bad);
    add(text, "duplicate", link.duplicate);
    add(text, "reorder", link.reorder);
    add(text, "corrupt", link.corrupt);
    add(text, "truncate", link.truncate);
    return text;
}

std::string told(const Fault& fault) {
    const std::string who = listed(fault.hosts);
    switch (fault.kind) {
        case Fault::Kind::partition: return who + " cut off from all others";
        case Fault::Kind::blackhole: return "what " + who + " send is lost";
        case Fault::Kind::flap: return who + " cut off and not in turns of " + seconds(fault.period);
        case Fault::Kind::crash: return who + " crashed, then restarted";
        case Fault::Kind::bad_link: return told(fault.link);
        case Fault::Kind::skew: return "the clocks of " + who + " are " + seconds(fault.skew) + " ahead";
    }
    return "?";
}

// --- drawing

nanoseconds below(nanoseconds bound, Random& random) {
    constexpr nanoseconds grain = std::chrono::milliseconds{1};  // which reads better, and changes nothing
    return grain * static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound / grain)));
}

double up_to(double most, Random& random) { return most * static_cast<double>(random.below(101)) / 100; }

Link some_link(Random& random) {
    Link link;
    link.delay = below(std::chrono::milliseconds{50}, random);
    link.jitter = below(std::chrono::milliseconds{20}, random);
    link.drop = up_to(0.2, random);
    link.duplicate = up_to(0.1, random);
    link.reorder = up_to(0.2, random);
    link.corrupt = up_to(0.02, random);
    return link;
}

// One or more; less than all, so that there are others. In the order in which they were named.
std::vector<std::string> some_of(const std::vector<std::string>& hosts, Random& random) {
    const std::size_t most = std::max<std::size_t>(1, hosts.size() / 2);
    std::size_t wanted = 1 + random.below(most);
    std::vector<std::string> some;
    for (std::size_t i = 0; i < hosts.size() && wanted != 0; ++i) {
        if (random.below(hosts.size() - i) >= wanted) continue;
        some.push_back(hosts[i]);
        --wanted;
    }
    return some;
}

Fault draw_fault(const FaultOptions& options, Random& random) {
    Fault fault;
    fault.kind = options.kinds[random.below(options.kinds.size())];
    fault.begin = below(options.within, random);
    fault.duration = below(options.longest, random) + std::chrono::milliseconds{1};
    fault.hosts = some_of(options.hosts, random);
    if (fault.kind == Fault::Kind::flap) fault.period = fault.duration / static_cast<int>(2 + random.below(5));
    if (fault.kind == Fault::Kind::skew) fault.skew = below(options.longest, random);
    if (fault.kind == Fault::Kind::bad_link) fault.link = some_link(random);
    return fault;
}

}  // namespace

std::string to_string(const Fault& fault) {
    return "at " + seconds(fault.begin) + " for " + seconds(fault.duration) + ": " + told(fault);
}

std::string to_string(const std::vector<Fault>& faults) {
    std::string text;
    for (const Fault& fault : faults) text += "  " + to_string(fault) + "\n";
    return text;
}

std::vector<Fault> draw_faults(std::uint64_t seed, const FaultOptions& options) {
    SKERRY_ASSERT(!options.kinds.empty() && !options.hosts.empty() && options.count_max != 0, "nothing to draw from");
    Random random(seed ^ 0x6661'756c'7473U);  // other draws than those of a simulation with this seed
    std::vector<Fault> faults;
    const auto begins_before = [](const Fault& a, const Fault& b) { return a.begin < b.begin; };
    for (std::size_t left = 1 + random.below(options.count_max); left != 0; --left) {
        Fault fault = draw_fault(options, random);
        faults.insert(std::upper_bound(faults.begin(), faults.end(), fault, begins_before), std::move(fault));
    }
    return faults;
}

}  // namespace skerry::testing
