#pragma once

// Two or more impairments of a wire between two hosts, drawn from a seed, and which of them did something.

#include <skerry/testing/fault.hpp>
#include <skerry/testing/frame_filter.hpp>
#include <skerry/testing/simulation.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::tests {

enum class Impairment : std::uint8_t {
    drop,
    bursts,
    drop_nth,
    drop_data_once,
    duplicate,
    reorder,
    corrupt,
    truncate,
    mtu,
    recut,
    slow_rate,
    long_delay,
    blackhole,
    flap,
    partition,
    drift,
    shuffle,
    marks,
};

inline constexpr std::array<std::string_view, 18> impairment_names{
    "drop",  "bursts", "drop nth",   "drop data once", "duplicate", "reorder",   "corrupt", "truncate", "mtu",
    "recut", "rate",   "long delay", "blackhole",      "flap",      "partition", "drift",   "shuffle",  "marks"};

class Impairments {
public:
    /// Over IPv6 every link carries 1,280 bytes.
    explicit Impairments(std::uint64_t seed, bool is_v6 = false) : is_v6_(is_v6), random_(seed ^ 0x696d'7061'6972U) {
        std::array<Impairment, impairment_names.size()> all;
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Impairment>(i);
        const std::size_t wanted = 2 + random_() % 4;
        for (std::size_t i = 0; i < wanted; ++i) {  // not std::shuffle, which differs from library to library
            std::swap(all[i], all[i + random_() % (all.size() - i)]);
            chosen_.push_back(all[i]);
        }
        make_link();
    }

    [[nodiscard]] bool has(Impairment one) const {
        return std::find(chosen_.begin(), chosen_.end(), one) != chosen_.end();
    }
    [[nodiscard]] const std::vector<Impairment>& chosen() const { return chosen_; }
    [[nodiscard]] const testing::Link& link() const { return link_; }
    /// What the hosts agree on: ECN, where something on the way marks.
    [[nodiscard]] stack::StackConfig config() const {
        stack::StackConfig config;
        if (has(Impairment::marks)) config.tcp.ecn = stack::Ecn::asks;
        return config;
    }
    [[nodiscard]] std::string text() const {
        std::string text;
        for (const Impairment one : chosen_)
            text += (text.empty() ? "" : ", ") + std::string(impairment_names.at(static_cast<std::size_t>(one)));
        return text;
    }

    void begin(testing::Simulation& sim, testing::Host& one, testing::Host& other) {
        if (has(Impairment::drop_nth)) sim.set_filter(one, other, testing::drop_nth(4 + random_() % 60));
        if (has(Impairment::drop_data_once))
            sim.set_filter(other, one, testing::drop_data_once(static_cast<std::uint32_t>(random_() % 60'000)));
        if (has(Impairment::drift)) {
            one.set_clock({.ahead = in_ms(1'000'000), .drift_ppm = static_cast<double>(random_() % 200)});
            other.set_clock({.drift_ppm = -static_cast<double>(random_() % 200)});
        }
        for (const auto& [impairment, kind] : {std::pair(Impairment::blackhole, testing::Fault::Kind::blackhole),
                                               std::pair(Impairment::flap, testing::Fault::Kind::flap),
                                               std::pair(Impairment::partition, testing::Fault::Kind::partition)}) {
            if (!has(impairment)) continue;
            testing::Fault fault{.kind = kind, .hosts = {random_() % 2 == 0 ? one.name() : other.name()}};
            fault.begin = in_ms(60);
            fault.duration = std::chrono::milliseconds{50} + in_ms(3000);
            fault.period = fault.duration / 5;
            sim.schedule(fault);
        }
    }

    /// Those that did something, by what the wire has counted.
    [[nodiscard]] std::vector<Impairment> effective(const testing::WireCounters& wire) const {
        std::vector<Impairment> those;
        for (const Impairment one : chosen_)
            if (did_something(one, wire)) those.push_back(one);
        return those;
    }

private:
    static bool did_something(Impairment one, const testing::WireCounters& wire) {
        switch (one) {
            case Impairment::drop: return wire.dropped != 0;
            case Impairment::bursts: return wire.lost_in_bursts != 0;
            case Impairment::drop_nth:
            case Impairment::drop_data_once: return wire.filtered != 0;
            case Impairment::duplicate: return wire.duplicated != 0;
            case Impairment::reorder: return wire.reordered != 0;
            case Impairment::corrupt: return wire.corrupted != 0;
            case Impairment::truncate: return wire.truncated != 0;
            case Impairment::mtu: return wire.too_big != 0;
            case Impairment::recut: return wire.recut != 0;
            case Impairment::marks: return wire.marked != 0;
            case Impairment::slow_rate: return wire.overflowed != 0;
            case Impairment::blackhole:
            case Impairment::flap:
            case Impairment::partition: return wire.cut_off != 0;
            case Impairment::long_delay:
            case Impairment::drift:
            case Impairment::shuffle: return true;
        }
        return false;
    }

    std::chrono::milliseconds in_ms(std::int64_t below) {
        return std::chrono::milliseconds{random_() % static_cast<std::uint64_t>(below)};
    }
    double up_to(double most) { return most * static_cast<double>(1 + random_() % 100) / 100; }

    void make_link() {
        using std::chrono::microseconds;
        link_.delay = microseconds{100} * (1 + random_() % (has(Impairment::long_delay) ? 1000 : 20));
        link_.jitter = microseconds{random_() % 500};
        link_.reorder_delay = link_.delay;
        if (has(Impairment::drop)) link_.drop = up_to(0.03);
        if (has(Impairment::bursts)) link_.burst_loss = {.to_bad = up_to(0.01), .to_good = 0.4};
        if (has(Impairment::duplicate)) link_.duplicate = up_to(0.05);
        if (has(Impairment::reorder)) link_.reorder = up_to(0.05);
        if (has(Impairment::corrupt)) link_.corrupt = up_to(0.02);
        if (has(Impairment::truncate)) link_.truncate = up_to(0.02);
        if (has(Impairment::recut)) link_.recut = up_to(0.05);
        if (has(Impairment::marks)) link_.ecn_mark = up_to(0.05);
        if (has(Impairment::mtu))
            link_.mtu = static_cast<std::uint16_t>(is_v6_ ? 1280 + random_() % 120 : 600 + random_() % 800);
        if (has(Impairment::slow_rate)) {
            link_.bytes_per_second = 200'000 + random_() % 1'000'000;
            link_.queue_bytes = 10'000 + random_() % 20'000;
        }
    }

    bool is_v6_;
    std::mt19937_64 random_;
    std::vector<Impairment> chosen_;
    testing::Link link_;
};

/// In how many seeds each one did something.
class ImpairmentShares {
public:
    void add(const std::vector<Impairment>& those) {
        ++seeds_;
        for (const Impairment one : those) ++counts_.at(static_cast<std::size_t>(one));
    }
    [[nodiscard]] double share(std::size_t one) const {
        return static_cast<double>(counts_.at(one)) / static_cast<double>(std::max<std::uint64_t>(1, seeds_));
    }
    /// "drop 20.1 %, bursts 19.8 %, ..."
    [[nodiscard]] std::string text() const {
        std::string text;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            std::array<char, 48> part;
            std::snprintf(part.data(), part.size(), "%s%s %.1f %%", i == 0 ? "" : ", ", impairment_names[i].data(),
                          share(i) * 100);
            text += part.data();
        }
        return text;
    }
    [[nodiscard]] double least() const {
        double least = 1;
        for (std::size_t i = 0; i < counts_.size(); ++i) least = std::min(least, share(i));
        return least;
    }

private:
    std::uint64_t seeds_ = 0;
    std::array<std::uint64_t, impairment_names.size()> counts_{};
};

}  // namespace skerry::tests
