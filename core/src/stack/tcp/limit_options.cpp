#include <skerry/stack/tcp/limit_options.hpp>

#include "../option_text.hpp"

#include <skerry/base/duration_text.hpp>
#include <skerry/stack/tcp/congestion.hpp>
#include <skerry/stack/tcp/profile.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace skerry::stack {

using namespace std::chrono_literals;

namespace {

/// A member of TcpLimits that can be said by name: `take` puts a value there, or refuses it.
struct Setting {
    std::string_view name;
    std::string_view accepted;
    bool (*take)(std::string_view value, TcpLimits& limits);
};

template <auto Member>
bool take_switch(std::string_view value, TcpLimits& limits) {
    limits.*Member = value == "on";
    return value == "on" || value == "off";
}

template <auto Member, std::uint32_t least, std::uint32_t most>
bool take_number(std::string_view value, TcpLimits& limits) {
    std::uint32_t number = 0;
    const char* const end = value.data() + value.size();
    const auto [after, error] = std::from_chars(value.data(), end, number);
    limits.*Member = static_cast<std::remove_reference_t<decltype(limits.*Member)>>(number);
    return error == std::errc() && after == end && number >= least && number <= most;
}

template <auto Member, std::chrono::milliseconds::rep least, std::chrono::milliseconds::rep most>
bool take_time(std::string_view value, TcpLimits& limits) {
    const auto time = parse_duration(value);
    if (time) limits.*Member = *time;
    return time && *time >= std::chrono::milliseconds{least} && *time <= std::chrono::milliseconds{most};
}

/// One of several names, which are those of the enumerators in their order.
template <auto Member, const auto& names>
bool take_name(std::string_view value, TcpLimits& limits) {
    const auto at = std::find(std::begin(names), std::end(names), value);
    limits.*Member = static_cast<std::remove_reference_t<decltype(limits.*Member)>>(at - std::begin(names));
    return at != std::end(names);
}

/// So many, however long they are.
bool take_first_window(std::string_view value, TcpLimits& limits) {
    limits.initial_window_bytes = std::numeric_limits<std::uint32_t>::max();
    return take_number<&TcpLimits::initial_window_segments, 1, 255>(value, limits);
}

bool take_congestion_control(std::string_view value, TcpLimits& limits) {
    const auto algorithm = backend::to_congestion_control(value);
    if (algorithm) limits.congestion_control = *algorithm;
    return algorithm && tcp::is_known(*algorithm);
}

constexpr std::string_view loss_detections[] = {"rfc6675", "rack"};
constexpr std::string_view syn_cookies[] = {"off", "when_full", "always"};
constexpr std::string_view ecns[] = {"off", "asks", "when_asked"};

constexpr std::string_view on_or_off = "on, off";
constexpr std::uint32_t buffer_least = 4096;
constexpr std::uint32_t buffer_most = 8U << 20U;
constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t day_ms = 1440 * minute_ms;

using L = TcpLimits;

constexpr Setting settings[] = {
    // buffers and tables
    {"receive_buffer_bytes", "4096 to 8388608", take_number<&L::receive_buffer_bytes, buffer_least, buffer_most>},
    {"send_buffer_bytes", "4096 to 8388608", take_number<&L::send_buffer_bytes, buffer_least, buffer_most>},
    {"receive_buffer_max", "0 to 8388608", take_number<&L::receive_buffer_max, 0, buffer_most>},
    {"send_buffer_max", "0 to 8388608", take_number<&L::send_buffer_max, 0, buffer_most>},
    {"half_open_max", "0 to 1048576", take_number<&L::half_open_max, 0, 1U << 20U>},
    {"syn_cookies", "off, when_full, always", take_name<&L::syn_cookies, syn_cookies>},
    {"time_wait_max", "1 to 16777216", take_number<&L::time_wait_max, 1, 1U << 24U>},
    {"orphans_max", "1 to 16777216", take_number<&L::orphans_max, 1, 1U << 24U>},
    // times
    {"rto_min", "1ms to 1min", take_time<&L::rto_min, 1, minute_ms>},
    {"rto_initial", "100ms to 1min", take_time<&L::rto_initial, 100, minute_ms>},
    {"rto_max", "1s to 10min", take_time<&L::rto_max, 1000, 10 * minute_ms>},
    {"delayed_ack", "1ms to 499ms", take_time<&L::delayed_ack, 1, 499>},  // RFC 9293 section 3.8.6.3: less than 0.5 s
    {"time_wait", "1ms to 10min", take_time<&L::time_wait, 1, 10 * minute_ms>},
    {"time_wait_reuse", "1ms to 1min", take_time<&L::time_wait_reuse, 1, minute_ms>},
    {"fin_wait_2", "1s to 10min", take_time<&L::fin_wait_2, 1000, 10 * minute_ms>},
    {"user_timeout", "1s to 1440min", take_time<&L::user_timeout, 1000, day_ms>},
    // how a connection begins
    {"syn_retries", "0 to 127", take_number<&L::syn_retries, 0, 127>},
    {"syn_ack_retries", "0 to 15", take_number<&L::syn_ack_retries, 0, 15>},
    {"sack", on_or_off, take_switch<&L::sack>},
    {"timestamps", on_or_off, take_switch<&L::timestamps>},
    {"window_scaling", on_or_off, take_switch<&L::window_scaling>},
    {"ecn", "off, asks, when_asked", take_name<&L::ecn, ecns>},
    {"initial_window_segments", "1 to 255", take_first_window},
    // how much is sent, and what is acknowledged
    {"congestion_control", "reno, cubic, fixed", take_congestion_control},
    {"fixed_window_bytes", "4096 to 1073741824", take_number<&L::fixed_window_bytes, 4096, 1U << 30U>},
    {"slow_start_after_idle", on_or_off, take_switch<&L::slow_start_after_idle>},
    {"segments_per_ack", "1, 2", take_number<&L::segments_per_ack, 1, 2>},
    {"quick_acks", "0 to 31", take_number<&L::quick_acks, 0, 31>},
    {"nagle_by_minshall", on_or_off, take_switch<&L::nagle_by_minshall>},
    // losses
    {"loss_detection", "rfc6675, rack", take_name<&L::loss_detection, loss_detections>},
    {"tail_probe", on_or_off, take_switch<&L::tail_probe>},
    {"proportional_rate", on_or_off, take_switch<&L::proportional_rate>},
    {"undoes_spurious", on_or_off, take_switch<&L::undoes_spurious>},
    {"forward_after_time_out", on_or_off, take_switch<&L::forward_after_time_out>},
};

template <class Names, class NameOf>
std::string listed(const Names& names, NameOf name_of) {
    std::string list;
    for (const auto& each : names) list += (list.empty() ? "" : ", ") + std::string(name_of(each));
    return list;
}

std::string profiles() {
    return listed(tcp_profile_names, [](std::string_view name) { return name; });
}

std::optional<std::string> refusal_of(std::string_view part, TcpLimits& limits) {
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const auto* const known =
        std::find_if(std::begin(settings), std::end(settings), [&](const Setting& each) { return each.name == name; });
    if (known == std::end(settings))
        return "no such setting; accepted: " + listed(settings, [](const Setting& each) { return each.name; });
    const std::string accepted = "accepted: " + std::string(known->accepted);
    if (equals == std::string_view::npos) return "the value is missing; " + accepted;
    if (!known->take(part.substr(equals + 1), limits)) return accepted;
    return {};
}

// Each is in its bounds by itself.
std::string contradiction_in(const TcpLimits& limits) {
    if (limits.rto_min > limits.rto_max) return "rto_min is more than rto_max";
    if (limits.rto_initial > limits.rto_max) return "rto_initial is more than rto_max";
    return {};
}

}  // namespace

Result<void, std::string> apply_tcp_options(std::string_view text, TcpLimits& limits) {
    if (text.empty()) return {};
    if (text.back() == ',') return Unexpected(std::string("something is missing behind the last comma"));
    std::string_view rest = text;
    bool is_first = true;
    while (!rest.empty()) {
        const std::string_view part = next_part(rest, ',');
        const auto profile = part.find('=') == std::string_view::npos ? parse_tcp_profile(part) : std::nullopt;
        if (profile && !is_first)
            return Unexpected(std::string(part) + ": a profile stands before all else, and there is one");
        if (profile) {
            apply(*profile, limits);
        } else if (is_first && part.find('=') == std::string_view::npos) {
            return Unexpected(std::string(part) + ": neither a profile, " + profiles() + ", nor NAME=VALUE");
        } else if (const auto refused = refusal_of(part, limits)) {
            return Unexpected(std::string(part) + ": " + *refused);
        }
        is_first = false;
    }
    if (std::string wrong = contradiction_in(limits); !wrong.empty()) return Unexpected(std::move(wrong));
    // A profile's scale is that of its own buffers.
    while (std::uint32_t{0xffff} << limits.window_scale < limits.receive_buffer_bytes) ++limits.window_scale;
    return {};
}

}  // namespace skerry::stack
