#include <skerry/time/clock.hpp>

#include <skerry/base/compiler.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <time.h>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace skerry::time {

namespace detail {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t correction_ppm_max = 500;
constexpr std::int64_t catch_up_ppm_max = 500'000;
constexpr std::int64_t jump_ns_min = 10'000'000;
constexpr std::int64_t million = 1'000'000;

}  // namespace

std::int64_t CycleScale::Segment::at(std::uint64_t cycles) const noexcept {
    const auto elapsed = static_cast<std::int64_t>(cycles - start_cycles);
    const auto length = static_cast<std::int64_t>(length_cycles);
    if (elapsed < length) return start_ns + scaled(elapsed, rate);
    // Added before the one shift, so that both parts meet without a rounding step.
    const Int128 sum = static_cast<Int128>(length) * rate + static_cast<Int128>(elapsed - length) * rate_after;
    return start_ns + static_cast<std::int64_t>(sum >> rate_fraction_bits);
}

auto CycleScale::Slot::load() const noexcept -> Segment {
    return Segment{start_cycles.load(std::memory_order_acquire), start_ns.load(std::memory_order_acquire),
                   length_cycles.load(std::memory_order_acquire), rate.load(std::memory_order_acquire),
                   rate_after.load(std::memory_order_acquire)};
}

void CycleScale::Slot::store(const Segment& segment) noexcept {
    start_cycles.store(segment.start_cycles, std::memory_order_release);
    start_ns.store(segment.start_ns, std::memory_order_release);
    length_cycles.store(segment.length_cycles, std::memory_order_release);
    rate.store(segment.rate, std::memory_order_release);
    rate_after.store(segment.rate_after, std::memory_order_release);
}

void CycleScale::start(std::uint64_t cycles, std::int64_t now_ns, Rate rate) noexcept {
    const Segment line{cycles, now_ns, endless_cycles, rate, rate};
    // Both slots: a core whose counter is a few cycles behind still finds a line before this one begins.
    for (Slot& slot : slots_) slot.store(line);
    version_.store(2, std::memory_order_release);
}

void CycleScale::keep(KeptLine& line) const noexcept {
    const std::uint64_t version = version_.load(std::memory_order_acquire);
    const Segment segment = slots_[slot_of(version)].load();
    const bool is_line = (version & pending) == 0 && version_.load(std::memory_order_relaxed) == version;
    line = is_line ? KeptLine{version, segment.start_cycles, segment.length_cycles, segment.start_ns, segment.rate}
                   : KeptLine{};
}

std::int64_t CycleScale::read_slowly(std::uint64_t (*counter)() noexcept) const noexcept {
    for (;;) {
        const std::uint64_t version = version_.load(std::memory_order_acquire);
        const Segment line = slots_[slot_of(version)].load();
        const Segment line_before = slots_[slot_of(version) ^ 1].load();
        const std::uint64_t limit = limit_.load(std::memory_order_acquire);
        const std::uint64_t cycles = counter();
        if (version_.load(std::memory_order_relaxed) == version) {
            const bool has_begun = static_cast<std::int64_t>(cycles - line.start_cycles) >= 0;
            const bool is_pending = (version & pending) != 0;
            if (!is_pending) return has_begun ? line.at(cycles) : line_before.at(cycles);
            // While a bend is pending the spare slot is being filled, and past the limit the line is not ours.
            if (has_begun && cycles <= limit) return line.at(cycles);
        }
        cpu_relax();
    }
}

std::int64_t CycleScale::at(std::uint64_t cycles) const noexcept {
    const std::size_t slot = slot_of(version_.load(std::memory_order_acquire));
    const Segment line = slots_[slot].load();
    const bool has_begun = static_cast<std::int64_t>(cycles - line.start_cycles) >= 0;
    return has_begun ? line.at(cycles) : slots_[slot ^ 1].load().at(cycles);
}

bool CycleScale::bend(std::uint64_t (*counter)() noexcept, std::uint64_t margin_cycles, const Bend& bend) noexcept {
    const std::uint64_t version = version_.load(std::memory_order_relaxed);
    const std::uint64_t limit = counter() + margin_cycles;
    limit_.store(limit, std::memory_order_release);
    // Pairs with both looks at the version in read(). An exchange and not a store, because the mark has to be
    // visible before the counter is read again: whoever read past it without seeing the mark did so early.
    version_.exchange(version | pending, std::memory_order_seq_cst);
    const auto left = static_cast<std::int64_t>(limit - counter());
    if (left < static_cast<std::int64_t>(margin_cycles / 2)) {
        version_.store(version, std::memory_order_release);
        return false;
    }
    const std::int64_t start_ns = slots_[slot_of(version)].load().at(limit) + bend.step_ns;
    slots_[slot_of(version) ^ 1].store(Segment{limit, start_ns, bend.length_cycles, bend.rate, bend.rate_after});
    version_.store(version + 2, std::memory_order_release);
    return true;
}

Bend plan_bend(const ClockSample& before, const ClockSample& now, std::int64_t shown_ns) noexcept {
    const Int128 span_ns = now.now_ns - before.now_ns;
    const auto measured = static_cast<Rate>((span_ns << rate_fraction_bits) / (now.cycles - before.cycles));
    const std::int64_t ahead_ns = shown_ns - now.now_ns;
    Bend bend{measured, measured, endless_cycles, 0};
    if (ahead_ns < -jump_ns_min) {
        bend.step_ns = -ahead_ns;
        return bend;
    }
    const std::int64_t ppm_max = ahead_ns > jump_ns_min ? catch_up_ppm_max : correction_ppm_max;
    const Int128 error_ns = ahead_ns < 0 ? -ahead_ns : ahead_ns;
    const Int128 duration_ns = std::max<Int128>(second_ns, error_ns * million / ppm_max);
    bend.rate = measured - static_cast<Rate>(static_cast<Int128>(measured) * ahead_ns / duration_ns);
    bend.length_cycles = static_cast<std::uint64_t>((duration_ns << rate_fraction_bits) / measured);
    return bend;
}

bool kernel_offers_tsc(std::string_view sysroot) {
    const std::string path =
        std::string{sysroot} + "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    std::ifstream file{path};
    for (std::string name; file >> name;) {
        if (name == "tsc") return true;
    }
    return false;
}

}  // namespace detail

namespace {

using detail::clock_state;
using detail::ClockSample;
using detail::Int128;
using detail::Rate;
using detail::rate_fraction_bits;

constexpr std::int64_t calibration_ns = 5'000'000;
constexpr std::int64_t slew_interval_ns_min = 100'000'000;
constexpr std::int64_t bend_margin_ns = 1'000'000;
/// A sample whose two counter reads are further apart was interrupted each time; its error would be as large.
constexpr std::int64_t sample_window_ns_max = 10'000;

/// What init() found, for describe(). Written before `source` is published, constant after.
struct Probe {
    std::int64_t calibrated_in_ns = 0;
    std::int64_t read_tenths_ns = 0;
    const char* refusal = "";
};
constinit Probe probe_result;

/// Only the holder of the lock touches the sample.
struct Slewing {
    std::atomic<bool> is_locked{false};
    std::atomic<std::uint64_t> not_before{0};
    ClockSample last;
};
constinit Slewing slewing;

std::int64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The tightest of eight: an interrupt between the two reads of the counter would look like an error.
ClockSample take_sample() noexcept {
    ClockSample best{.window_cycles = std::numeric_limits<std::uint64_t>::max()};
    for (int i = 0; i < 8; ++i) {
        const std::uint64_t before = detail::read_counter_ordered();
        const std::int64_t now_ns = monotonic_ns();
        const std::uint64_t window = detail::read_counter_ordered() - before;
        if (window < best.window_cycles) best = ClockSample{before + window / 2, now_ns, window};
    }
    return best;
}

/// The counter this machine has and its kernel trusts; `monotonic`, with the reason, when there is none.
ClockSource find_source() noexcept {
#if defined(__x86_64__)
    constexpr unsigned power_management_leaf = 0x80000007;
    constexpr unsigned invariant_tsc_bit = 1U << 8;
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid(power_management_leaf, &eax, &ebx, &ecx, &edx) == 0 || (edx & invariant_tsc_bit) == 0) {
        probe_result.refusal = "the TSC is not invariant";
        return ClockSource::monotonic;
    }
    if (!detail::kernel_offers_tsc("")) {
        probe_result.refusal = "the kernel does not offer the TSC";
        return ClockSource::monotonic;
    }
    return ClockSource::tsc;
#elif defined(__aarch64__)
    return ClockSource::cntvct;
#else
    probe_result.refusal = "no counter known on this CPU";
    return ClockSource::monotonic;
#endif
}

void set_rate(Rate ns_per_cycle) noexcept {
    constexpr Int128 one = Int128{1} << (2 * rate_fraction_bits);
    clock_state.cycles_per_ns.store(static_cast<Rate>(one / ns_per_cycle), std::memory_order_relaxed);
}

/// The counter value before which another slew has too short an interval to measure the rate in.
std::uint64_t next_slew(std::uint64_t cycles) noexcept {
    const Int128 interval =
        static_cast<Int128>(slew_interval_ns_min) * clock_state.cycles_per_ns.load(std::memory_order_relaxed);
    return cycles + static_cast<std::uint64_t>(interval >> rate_fraction_bits);
}

/// Gives the scale its first line. False when the counter stands still or runs back.
bool calibrate() noexcept {
    const ClockSample first = take_sample();
    while (monotonic_ns() - first.now_ns < calibration_ns) cpu_relax();
    const ClockSample last = take_sample();
    const std::int64_t span_ns = last.now_ns - first.now_ns;
    const auto span_cycles = static_cast<std::int64_t>(last.cycles - first.cycles);
    if (span_cycles <= 0 || span_ns <= 0) return false;
    const auto rate = static_cast<Rate>((static_cast<Int128>(span_ns) << rate_fraction_bits) / span_cycles);
    if (rate == 0) return false;
    probe_result.calibrated_in_ns = span_ns;
    slewing.last = last;
    set_rate(rate);
    slewing.not_before.store(next_slew(last.cycles), std::memory_order_relaxed);
    clock_state.scale.start(last.cycles, last.now_ns, rate);
    return true;
}

std::int64_t measure_read_tenths_ns() noexcept {
    constexpr std::int64_t rounds = 1000;
    const std::int64_t begin = monotonic_ns();
    for (std::int64_t i = 0; i < rounds; ++i) {
        std::int64_t now_ns = 0;
        if (!clock_state.scale.read(detail::read_counter, now_ns)) now_ns = monotonic_ns();
        asm volatile("" ::"r"(now_ns));  // the value counts as used
    }
    return (monotonic_ns() - begin) * 10 / rounds;
}

bool probe() noexcept {
    ClockSource source = find_source();
    if (source != ClockSource::monotonic && !calibrate()) {
        probe_result.refusal = "the counter does not advance";
        source = ClockSource::monotonic;
    }
    probe_result.read_tenths_ns = measure_read_tenths_ns();
    // Pairs with the acquire in source(): whoever sees a source sees what was found.
    clock_state.source.store(source, std::memory_order_release);
    return true;
}

/// The correction itself; the caller holds the lock and it is time.
bool slew_locked() noexcept {
    const ClockSample now = take_sample();
    if (Clock::duration_of(now.window_cycles).count() > sample_window_ns_max) return false;
    const ClockSample before = std::exchange(slewing.last, now);
    // A counter that was set back (by a hypervisor, say) has no rate over this interval.
    if (now.cycles <= before.cycles || now.now_ns <= before.now_ns) return false;
    const detail::Bend bend = detail::plan_bend(before, now, clock_state.scale.at(now.cycles));
    const std::uint64_t margin = Clock::cycles_from(std::chrono::nanoseconds{bend_margin_ns});
    if (!clock_state.scale.bend(detail::read_counter_ordered, margin, bend)) return false;
    set_rate(bend.rate_after);
    return true;
}

const char* name_of(ClockSource source) noexcept {
    switch (source) {
        case ClockSource::tsc: return "tsc";
        case ClockSource::cntvct: return "cntvct";
        case ClockSource::monotonic: return "monotonic";
        case ClockSource::unprobed: break;
    }
    return "unprobed";
}

}  // namespace

void Clock::init() noexcept {
    static const bool is_probed = probe();
    static_cast<void>(is_probed);
}

ClockSource Clock::source() noexcept {
    init();
    return clock_state.source.load(std::memory_order_acquire);
}

std::int64_t Clock::now_ns_slow() noexcept {
    return source() == ClockSource::monotonic ? monotonic_ns()
                                              : clock_state.scale.read_slowly(detail::read_counter_ordered);
}

std::uint64_t Clock::cycles_slow() noexcept {
    return source() == ClockSource::monotonic ? static_cast<std::uint64_t>(monotonic_ns()) : detail::read_counter();
}

std::uint64_t Clock::cycles_from(std::chrono::nanoseconds duration) noexcept {
    init();
    if (duration.count() <= 0) return 0;
    const Int128 product =
        static_cast<Int128>(duration.count()) * clock_state.cycles_per_ns.load(std::memory_order_relaxed);
    return static_cast<std::uint64_t>(std::min<Int128>(product >> rate_fraction_bits, detail::endless_cycles));
}

std::chrono::nanoseconds Clock::duration_of(std::uint64_t cycles) noexcept {
    init();
    const Int128 quotient =
        (static_cast<Int128>(cycles) << rate_fraction_bits) / clock_state.cycles_per_ns.load(std::memory_order_relaxed);
    const Int128 most = std::numeric_limits<std::int64_t>::max();
    return std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(quotient, most))};
}

void Clock::keep(detail::KeptLine& line, std::chrono::nanoseconds limit) noexcept {
    clock_state.scale.keep(line);
    if (line.length_cycles == 0) return;
    const std::uint64_t elapsed = detail::read_counter() - line.start_cycles;
    line.length_cycles = std::min(line.length_cycles, elapsed + cycles_from(limit));
}

bool Clock::slew() noexcept {
    if (source() == ClockSource::monotonic) return false;
    if (cycles() < slewing.not_before.load(std::memory_order_relaxed)) return false;
    // Pairs with the release below: the winner sees the last winner's sample and version.
    if (slewing.is_locked.exchange(true, std::memory_order_acquire)) return false;
    bool is_bent = false;
    if (cycles() >= slewing.not_before.load(std::memory_order_relaxed)) {
        is_bent = slew_locked();
        slewing.not_before.store(next_slew(cycles()), std::memory_order_relaxed);
    }
    slewing.is_locked.store(false, std::memory_order_release);
    return is_bent;
}

std::string Clock::describe() {
    const ClockSource from = source();
    const double read_ns = static_cast<double>(probe_result.read_tenths_ns) / 10;
    char text[160];
    if (from == ClockSource::monotonic) {
        std::snprintf(text, sizeof text, "monotonic (%s), read %.0f ns", probe_result.refusal, read_ns);
        return text;
    }
    const double rate = static_cast<double>(clock_state.cycles_per_ns.load(std::memory_order_relaxed));
    std::snprintf(text, sizeof text, "%s, %.1f MHz, calibrated in %.0f ms, read %.0f ns", name_of(from),
                  rate * 1000 / static_cast<double>(Rate{1} << rate_fraction_bits),
                  static_cast<double>(probe_result.calibrated_in_ns) / 1e6, read_ns);
    return text;
}

}  // namespace skerry::time
