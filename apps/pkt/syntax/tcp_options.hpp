#pragma once

// The options of a TCP header, as they stand in angle brackets:
//
//     <mss 1460, nop, wscale 7, sackOK, TS val 100 ecr 0, sack 1:2 5:9, FO c00c1e, FOEXP, md5 valid, eol>
//     <ECN e0b 1 ceb 0 e1b 1>     the option of AccECN, its counters in the order in which they travel
//     <...>                       whatever options there are

#include "cursor.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace skerry::pkt::syntax {

struct MssOption {
    std::optional<std::uint16_t> bytes;
};
struct NopOption {};
struct EndOption {};
struct WindowScaleOption {
    std::optional<std::uint8_t> shift;
};
struct SackPermittedOption {};
struct SackBlock {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};
struct SackOption {
    std::vector<SackBlock> blocks;
};
struct TimestampsOption {
    std::optional<std::uint32_t> value;
    std::optional<std::uint32_t> echo;
};
/// RFC 7413, or the option of experiments that came before it. Without a cookie it asks for one.
struct FastOpenOption {
    bool is_experimental = false;
    std::vector<std::uint8_t> cookie;
};
/// RFC 2385. `md5 valid`, `md5 invalid`, or the digest itself; without any of them, whatever digest.
struct Md5Option {
    std::optional<bool> is_valid;
    std::vector<std::uint8_t> digest;  ///< none or 16 bytes
};
enum class AccEcnCounter : std::uint8_t { ect0_bytes, ect1_bytes, ce_bytes };
/// RFC 9768. Each counter has 24 bits on the wire.
struct AccEcnOption {
    struct Count {
        AccEcnCounter counter;
        std::uint32_t bytes;
    };
    std::vector<Count> counts;
};
/// One that other interpreters know; its text is the reason of the script's Unsupported.
struct UnsupportedOption {
    std::string text;
};

/// A number that is not there was `...`: any.
struct TcpOption {
    Position at;
    std::variant<MssOption, NopOption, EndOption, WindowScaleOption, SackPermittedOption, SackOption, TimestampsOption,
                 FastOpenOption, Md5Option, AccEcnOption, UnsupportedOption>
        value;
};

struct TcpOptions {
    bool are_any = false;  ///< `<...>`
    std::vector<TcpOption> list;
};

/// From `<` to `>`. What is not supported is noted with the session.
[[nodiscard]] TcpOptions read_tcp_options(Cursor& in);

}  // namespace skerry::pkt::syntax
