#include "tcp_options_of.hpp"

#include "stop.hpp"

#include <cstdlib>
#include <string>

namespace skerry::pkt {
namespace {

using namespace syntax;

using Data = std::vector<std::uint8_t>;

void put(Data& data, std::uint32_t value, unsigned bytes) {
    for (unsigned i = bytes; i > 0; --i) data.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

std::uint32_t get(const Data& data, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4 && i < data.size(); ++i) value = value << 8U | data[i];
    return value;
}

/// An option of the wire from one of a script.
class Builder {
public:
    Builder(const Flow& flow, SentBy by, bool has_ack, Position at)
        : flow_(flow), by_(by), has_ack_(has_ack), at_(at) {}

    LiveOption operator()(const MssOption& option) const { return number(tcp_kind::mss, said(option.bytes), 2); }
    LiveOption operator()(const NopOption&) const { return {tcp_kind::nop, {}}; }
    LiveOption operator()(const EndOption&) const { return {tcp_kind::end, {}}; }
    LiveOption operator()(const WindowScaleOption& option) const {
        return number(tcp_kind::window_scale, said(option.shift), 1);
    }
    LiveOption operator()(const SackPermittedOption&) const { return {tcp_kind::sack_permitted, {}}; }
    LiveOption operator()(const SackOption& option) const {
        LiveOption live{tcp_kind::sack, {}};
        for (const syntax::SackBlock& block : option.blocks) {
            put(live.data, sequence(block.begin), 4);
            put(live.data, sequence(block.end), 4);
        }
        return live;
    }
    LiveOption operator()(const TimestampsOption& option) const {
        LiveOption live{tcp_kind::timestamps, {}};
        put(live.data, said(option.value), 4);
        put(live.data, echo(said(option.echo)), 4);
        return live;
    }
    LiveOption operator()(const FastOpenOption& option) const {
        LiveOption live{option.is_experimental ? tcp_kind::experiment : tcp_kind::fast_open, {}};
        if (option.is_experimental) put(live.data, 0xf989, 2);
        live.data.insert(live.data.end(), option.cookie.begin(), option.cookie.end());
        return live;
    }
    LiveOption operator()(const Md5Option& option) const {
        if (option.digest.empty()) skip(at_, "a digest of TCP-MD5");
        return {tcp_kind::md5, option.digest};
    }
    LiveOption operator()(const AccEcnOption& option) const {
        const bool is_first = option.counts.empty() || option.counts.front().counter == AccEcnCounter::ect0_bytes;
        LiveOption live{is_first ? tcp_kind::acc_ecn_0 : tcp_kind::acc_ecn_1, {}};
        for (const AccEcnOption::Count& count : option.counts) put(live.data, count.bytes, 3);
        return live;
    }
    LiveOption operator()(const UnsupportedOption& option) const { skip(at_, option.text); }

private:
    template <class Number>
    std::uint32_t said(const std::optional<Number>& number) const {
        if (!number) skip(at_, "'...' in an option that is sent");
        return *number;
    }
    static LiveOption number(std::uint8_t kind, std::uint32_t value, unsigned bytes) {
        LiveOption live{kind, {}};
        put(live.data, value, bytes);
        return live;
    }
    std::uint32_t sequence(std::uint32_t number) const {
        return by_ == SentBy::script ? flow_.to_live(number) : number;
    }
    // An echo is of a timestamp that the machine sent, so it is the machine's number.
    std::uint32_t echo(std::uint32_t script) const {
        if (by_ == SentBy::machine || !has_ack_) return script;
        const auto seen = flow_.stamps.find(script);
        if (seen == flow_.stamps.end())
            skip(at_, "an echo of timestamp " + std::to_string(script) + ", which no segment before had");
        return seen->second;
    }

    const Flow& flow_;
    SentBy by_;
    bool has_ack_;
    Position at_;
};

/// Of one option; nothing where they agree. `...` in the script is whatever comes.
std::optional<std::string> option_mismatch(const TcpOption& expected, const LiveOption& seen, const Flow& flow,
                                           std::int64_t tick_us, std::int64_t tolerance_us) {
    const auto differs = [](std::string what) { return std::optional<std::string>(std::move(what)); };
    if (const auto* const stamps = std::get_if<TimestampsOption>(&expected.value)) {
        if (seen.kind != tcp_kind::timestamps || seen.data.size() != 8) return differs("no timestamps in their place");
        if (stamps->echo && get(seen.data, 4) != *stamps->echo)
            return differs("ecr: expected " + std::to_string(*stamps->echo) + ", seen " +
                           std::to_string(get(seen.data, 4)));
        if (!stamps->value || tick_us == 0 || !flow.first_stamp) return std::nullopt;
        const std::uint32_t in_script = get(seen.data, 0) - flow.first_stamp->live + flow.first_stamp->script;
        const auto off = static_cast<std::int32_t>(in_script - *stamps->value);
        if (std::llabs(std::int64_t{off} * tick_us) <= tolerance_us) return std::nullopt;
        return differs("TS val: expected " + std::to_string(*stamps->value) + ", seen " + std::to_string(in_script));
    }
    if (const auto* const mss = std::get_if<MssOption>(&expected.value); mss != nullptr && !mss->bytes)
        return seen.kind == tcp_kind::mss ? std::nullopt : differs("no mss in its place");
    if (const auto* const scale = std::get_if<WindowScaleOption>(&expected.value); scale != nullptr && !scale->shift)
        return seen.kind == tcp_kind::window_scale ? std::nullopt : differs("no wscale in its place");
    if (const auto* const md5 = std::get_if<Md5Option>(&expected.value); md5 != nullptr && md5->digest.empty())
        skip(expected.at, "a digest of TCP-MD5");
    const LiveOption live = std::visit(Builder(flow, SentBy::machine, true, expected.at), expected.value);
    return live == seen ? std::nullopt : differs("other options");
}

}  // namespace

std::vector<LiveOption> live_options(const TcpOptions& options, const Flow& flow, SentBy by, bool has_ack) {
    std::vector<LiveOption> live;
    for (const TcpOption& option : options.list)
        live.push_back(std::visit(Builder(flow, by, has_ack, option.at), option.value));
    const std::size_t bytes = options_bytes(live);
    if (bytes > 40 || bytes % 4 != 0)
        skip(options.list.front().at, "options of " + std::to_string(bytes) + " bytes: no multiple of 4 up to 40");
    return live;
}

std::optional<std::string> options_mismatch(const TcpOptions& expected, const std::vector<LiveOption>& seen,
                                            const Flow& flow, std::int64_t stamp_tick_us, std::int64_t tolerance_us) {
    if (expected.are_any) return std::nullopt;
    if (expected.list.size() != seen.size())
        return "expected " + std::to_string(expected.list.size()) + " options, seen " + std::to_string(seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i)
        if (auto why = option_mismatch(expected.list[i], seen[i], flow, stamp_tick_us, tolerance_us)) return why;
    return std::nullopt;
}

std::optional<std::uint32_t> stamp_of(const std::vector<LiveOption>& options) {
    for (const LiveOption& option : options)
        if (option.kind == tcp_kind::timestamps && option.data.size() == 8) return get(option.data, 0);
    return std::nullopt;
}

std::optional<std::uint32_t> stamp_of(const TcpOptions& options) {
    for (const TcpOption& option : options.list)
        if (const auto* const stamps = std::get_if<TimestampsOption>(&option.value)) return stamps->value;
    return std::nullopt;
}

}  // namespace skerry::pkt
