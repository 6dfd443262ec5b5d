#include "tcp_options.hpp"

#include "characters.hpp"
#include "number.hpp"

#include <algorithm>
#include <array>

namespace skerry::pkt::syntax {
namespace {

constexpr std::array<std::string_view, 13> not_supported{
    "mpcapable",   "mp_capable", "mp_join",        "mp_join_syn", "mp_join_syn_ack", "mp_join_ack",  "dss",
    "add_address", "add_addr",   "remove_address", "mp_prio",     "mp_fail",         "mp_fastclose",
};

template <class Read>
auto read_or_any(Cursor& in, Read read, std::string_view what) -> std::optional<decltype(read(in, what))> {
    if (in.take("...")) return std::nullopt;
    return read(in, what);
}

WindowScaleOption read_window_scale(Cursor& in) { return {read_or_any(in, read_u8, "a window scale")}; }

SackOption read_sack(Cursor& in) {
    SackOption sack;
    do {
        if (sack.blocks.size() == limits::sack_blocks)
            in.fail("at most " + std::to_string(limits::sack_blocks) + " blocks, which is what fits into a header");
        SackBlock block;
        block.begin = read_u32(in, "a sequence number");
        in.expect(":");
        block.end = read_u32(in, "a sequence number");
        sack.blocks.push_back(block);
        in.skip_space();
    } while (is_digit(in.peek()));
    return sack;
}

TimestampsOption read_timestamps(Cursor& in) {
    TimestampsOption timestamps;
    if (!in.take_word("val")) in.fail("'val'");
    timestamps.value = read_or_any(in, read_u32, "a timestamp");
    if (!in.take_word("ecr")) in.fail("'ecr'");
    timestamps.echo = read_or_any(in, read_u32, "a timestamp");
    return timestamps;
}

/// Hexadecimal digits, two a byte.
std::vector<std::uint8_t> read_hex(Cursor& in, std::size_t bytes_max) {
    constexpr std::string_view what = "hexadecimal digits, two a byte";
    std::vector<std::uint8_t> bytes;
    in.skip_space();
    for (; continues_word(in.peek()); in.advance(2)) {
        const int high = digit_value(in.peek());
        const int low = digit_value(in.peek(1));
        if (high < 0 || low < 0) in.fail(what);
        if (bytes.size() == bytes_max) in.fail("at most " + std::to_string(bytes_max) + " bytes");
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    if (bytes.empty()) in.fail(what);
    return bytes;
}

std::vector<std::uint8_t> read_cookie(Cursor& in) { return read_hex(in, limits::cookie_bytes); }

FastOpenOption read_fast_open(Cursor& in, bool is_experimental) {
    FastOpenOption option;
    option.is_experimental = is_experimental;
    if (in.sees(",") || in.sees(">")) return option;
    const std::string_view name = in.peek_word();
    if (name.empty() || in.session().defines.value(name) == nullptr) {
        option.cookie = read_cookie(in);
        return option;
    }
    const Position at = in.position();
    in.advance(name.size());
    option.cookie = read_value(in, name, at, read_cookie);
    return option;
}

Md5Option read_md5(Cursor& in) {
    constexpr std::size_t digest_bytes = 16;
    Md5Option option;
    if (in.take_word("valid"))
        option.is_valid = true;
    else if (in.take_word("invalid"))
        option.is_valid = false;
    else if (!in.sees(",") && !in.sees(">"))
        option.digest = read_hex(in, digest_bytes);
    if (!option.digest.empty() && option.digest.size() != digest_bytes) in.fail("a digest of 16 bytes");
    return option;
}

AccEcnOption read_acc_ecn(Cursor& in) {
    AccEcnOption option;
    while (!in.sees(",") && !in.sees(">") && !in.is_at_end()) {
        AccEcnOption::Count count{};
        if (in.take_word("e0b"))
            count.counter = AccEcnCounter::ect0_bytes;
        else if (in.take_word("e1b"))
            count.counter = AccEcnCounter::ect1_bytes;
        else if (in.take_word("ceb"))
            count.counter = AccEcnCounter::ce_bytes;
        else
            in.fail("a counter of AccECN (e0b, e1b, ceb)");
        if (option.counts.size() == 3) in.fail("at most three counters");
        count.bytes = read_u32(in, "a number of bytes");
        option.counts.push_back(count);
    }
    return option;
}

/// Passes an option that is not understood: up to the comma or the bracket after it.
UnsupportedOption pass_option(Cursor& in, Position at) {
    const std::size_t begin = in.offset();
    int depth = 0;
    for (char c = in.peek(); !in.is_at_end() && c != '\n' && (depth > 0 || (c != ',' && c != '>')); c = in.peek()) {
        if (c == '[' || c == '(') ++depth;
        if (c == ']' || c == ')') --depth;
        in.advance();
    }
    UnsupportedOption option{std::string(in.since(begin))};
    in.session().note({at, "TCP option \"" + option.text + "\""});
    return option;
}

TcpOption read_option(Cursor& in) {
    TcpOption option;
    const std::string_view name = in.peek_word();
    option.at = in.position();
    if (in.take_word("mss"))
        option.value = MssOption{read_or_any(in, read_u16, "a segment size")};
    else if (in.take_word("nop"))
        option.value = NopOption{};
    else if (in.take_word("eol"))
        option.value = EndOption{};
    else if (in.take_word("wscale"))
        option.value = read_window_scale(in);
    else if (in.take_word("sackOK"))
        option.value = SackPermittedOption{};
    else if (in.take_word("sack"))
        option.value = read_sack(in);
    else if (in.take_word("TS"))
        option.value = read_timestamps(in);
    else if (in.take_word("FO"))
        option.value = read_fast_open(in, false);
    else if (in.take_word("FOEXP"))
        option.value = read_fast_open(in, true);
    else if (in.take_word("md5"))
        option.value = read_md5(in);
    else if (in.take_word("ECN"))
        option.value = read_acc_ecn(in);
    else if (std::ranges::find(not_supported, name) != not_supported.end() || in.rest().starts_with("exp-"))
        option.value = pass_option(in, option.at);
    else
        in.fail("a TCP option (mss, nop, wscale, sackOK, sack, TS, FO, FOEXP, md5, ECN, eol)");
    return option;
}

}  // namespace

TcpOptions read_tcp_options(Cursor& in) {
    TcpOptions options;
    in.expect("<");
    if (in.take("...")) {
        options.are_any = true;
        in.expect(">");
        return options;
    }
    if (in.take(">")) return options;
    do {
        if (options.list.size() == limits::tcp_options)
            in.fail("at most " + std::to_string(limits::tcp_options) + " options");
        options.list.push_back(read_option(in));
    } while (in.take(","));
    if (!in.take(">")) in.fail("',' or '>'");
    return options;
}

}  // namespace skerry::pkt::syntax
