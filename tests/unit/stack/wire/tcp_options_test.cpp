#include <skerry/stack/wire/tcp_options.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;

Drop refused(std::string_view text) {
    TcpOptions options;
    return parse_exact(hex(text), options);
}

TcpOptions read(const Bytes& bytes) {
    TcpOptions options;
    REQUIRE(parse_exact(bytes, options) == Drop::none);
    return options;
}

TEST_CASE("the options of a SYN are read", "[stack][wire][tcp]") {
    const auto options = read(hex("020405b4 0402 080a 01020304 0a0b0c0d 01 030307"));
    CHECK(options.has_mss);
    CHECK(options.mss == 1460);
    CHECK(options.sack_permitted);
    CHECK(options.has_timestamps);
    CHECK(options.timestamps == TcpTimestamps{0x0102'0304U, 0x0a0b'0c0dU});
    CHECK(options.has_window_scale);
    CHECK(options.window_scale == 7);
    CHECK(options.sack_blocks == 0);
}

TEST_CASE("one to four SACK blocks are read as they came", "[stack][wire][tcp]") {
    auto options = read(hex("01 01 05 0a 00000010 00000020"));
    REQUIRE(options.sack_blocks == 1);
    CHECK(options.sack[0] == SackBlock{0x10, 0x20});
    options = read(hex("01 01 05 22 00000010 00000020 ffffff00 00000001 00000050 00000040 00000007 00000007"));
    REQUIRE(options.sack_blocks == 4);
    CHECK(options.sack[1] == SackBlock{0xffff'ff00U, 1});
    CHECK(options.sack[2] == SackBlock{0x50, 0x40});
    CHECK(options.sack[3] == SackBlock{7, 7});
}

TEST_CASE("options that nobody knows, NOPs and what follows the end are skipped", "[stack][wire][tcp]") {
    CHECK(read({}).has_mss == false);
    CHECK(read(hex("fd 06 aabbccdd 0204 0200")).mss == 512);
    CHECK(read(hex("1e 02 01 01 020405b4")).mss == 1460);
    CHECK_FALSE(read(hex("00 020405b4 000000")).has_mss);
    CHECK_FALSE(read(hex("00 ff 00 00")).has_mss);
    CHECK_FALSE(read(Bytes(40, std::byte{1})).has_timestamps);
}

TEST_CASE("MSS is handed on as it came, and window scales above 14 are 14", "[stack][wire][tcp]") {
    CHECK(read(hex("02040000")).has_mss);
    CHECK(read(hex("02040000")).mss == 0);
    CHECK(read(hex("0204ffff")).mss == 65'535);
    CHECK(read(hex("0303 0e 00")).window_scale == 14);
    CHECK(read(hex("0303 0f 00")).window_scale == 14);
    CHECK(read(hex("0303 ff 00")).window_scale == 14);
    CHECK(read(hex("0303 00 00")).has_window_scale);
    CHECK(read(hex("0303 00 00")).window_scale == 0);
}

TEST_CASE("of TCP options that come twice the last one counts", "[stack][wire][tcp]") {
    CHECK(read(hex("020405b4 02040218")).mss == 536);
    const auto options = read(hex("05 12 00000010 00000020 00000030 00000040  05 0a 00000050 00000060"));
    REQUIRE(options.sack_blocks == 1);
    CHECK(options.sack[0] == SackBlock{0x50, 0x60});
}

TEST_CASE("TCP options of length 0 or 1, past the end or without a length are refused", "[stack][wire][tcp]") {
    CHECK(refused("02000000") == Drop::tcp_option_length);
    CHECK(refused("fd000000") == Drop::tcp_option_length);
    CHECK(refused("02010000") == Drop::tcp_option_length);
    CHECK(refused("fd010000") == Drop::tcp_option_length);
    CHECK(refused("020405") == Drop::tcp_option_length);
    CHECK(refused("fdff0000") == Drop::tcp_option_length);
    CHECK(refused("01010102") == Drop::tcp_option_length);
    CHECK(refused("010101fd") == Drop::tcp_option_length);
    // Five SACK blocks take 42 bytes, which no header has.
    CHECK(refused("052a 00000010 00000020 00000010 00000020 00000010 00000020 00000010 00000020 00000010 0000") ==
          Drop::tcp_option_length);
}

TEST_CASE("known TCP options of another length than their own are refused", "[stack][wire][tcp]") {
    CHECK(refused("0202 0000") == Drop::tcp_option_size);
    CHECK(refused("0203 0000") == Drop::tcp_option_size);
    CHECK(refused("0205 0000 00 000000") == Drop::tcp_option_size);
    CHECK(refused("0302 0000") == Drop::tcp_option_size);
    CHECK(refused("0304 0000") == Drop::tcp_option_size);
    CHECK(refused("0403 0000") == Drop::tcp_option_size);
    CHECK(refused("0502 0000") == Drop::tcp_option_size);
    CHECK(refused("0506 00000000 0000") == Drop::tcp_option_size);
    CHECK(refused("050c 00000000 00000000 0000 0000") == Drop::tcp_option_size);
    CHECK(refused("0809 00000000 000000 000000") == Drop::tcp_option_size);
    CHECK(refused("080b 00000000 00000000 00 00") == Drop::tcp_option_size);
    CHECK(refused("052a 00000010 00000020 00000010 00000020 00000010 00000020 00000010 00000020 00000010 00000020") ==
          Drop::tcp_option_size);  // more than a header could hold
}

TEST_CASE("cut TCP options are refused wherever the cut goes through one", "[stack][wire][tcp]") {
    const Bytes bytes = hex("020405b4 0402 080a 01020304 0a0b0c0d 01 030307");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        TcpOptions options;
        const bool between = size == 0 || size == 4 || size == 6 || size == 16 || size == 17;
        const Drop expected = between ? Drop::none : Drop::tcp_option_length;
        CHECK(parse_exact(std::span{bytes}.first(size), options) == expected);
    }
}

TEST_CASE("the layout of timestamps alone is told from all others", "[stack][wire][tcp]") {
    const Bytes bytes = hex("01 01 08 0a 01020304 05060708");
    CHECK(has_only_timestamps(bytes));
    CHECK(load_only_timestamps(bytes) == TcpTimestamps{0x0102'0304U, 0x0506'0708U});
    CHECK(load_only_timestamps(bytes) == read(bytes).timestamps);
    Bytes out(12);
    store_only_timestamps(load_only_timestamps(bytes), out.data());
    CHECK(out == bytes);

    CHECK_FALSE(has_only_timestamps({}));
    CHECK_FALSE(has_only_timestamps(std::span{bytes}.first(11)));
    CHECK_FALSE(has_only_timestamps(hex("01 01 08 0a 01020304 05060708 00000000")));
    CHECK_FALSE(has_only_timestamps(hex("08 0a 01020304 05060708 01 01")));
    CHECK_FALSE(has_only_timestamps(hex("01 01 05 0a 01020304 05060708")));
}

TEST_CASE("the options of a SYN that are written are read back", "[stack][wire][tcp]") {
    const auto layout = GENERATE(SynLayout::linux_like, SynLayout::freebsd);
    for (unsigned which = 0; which < 16; ++which) {
        CAPTURE(which);
        TcpOptions options;
        options.has_mss = (which & 1U) != 0;
        options.mss = 1460;
        options.sack_permitted = (which & 2U) != 0;
        options.has_timestamps = (which & 4U) != 0;
        options.timestamps = {0x1111'2222U, 0x3333'4444U};
        options.has_window_scale = (which & 8U) != 0;
        options.window_scale = 14;
        std::array<std::byte, tcp_options_bytes_max> out{};
        const std::size_t bytes = write_syn_options(options, out.data(), layout);
        CHECK(bytes % 4 == 0);
        CHECK(bytes <= 20);
        const auto again = read({out.begin(), out.begin() + static_cast<std::ptrdiff_t>(bytes)});
        CHECK(again.has_mss == options.has_mss);
        CHECK(again.mss == (options.has_mss ? 1460 : 0));
        CHECK(again.sack_permitted == options.sack_permitted);
        CHECK(again.has_timestamps == options.has_timestamps);
        if (options.has_timestamps) CHECK(again.timestamps == options.timestamps);
        CHECK(again.has_window_scale == options.has_window_scale);
        if (options.has_window_scale) CHECK(again.window_scale == 14);
    }
}

struct SynCase {
    bool has_window_scale;
    bool sack_permitted;
    bool has_timestamps;
    const char* linux_like;
    const char* freebsd;
};

TEST_CASE("a SYN's options lie as they do in the stack whose layout it is", "[stack][wire][tcp]") {
    const SynCase cases[] = {
        {true, true, true, "020405b4 0402 080a 11112222 33334444 01 030306",
         "020405b4 01 030306 0402 080a 11112222 33334444"},
        {true, true, false, "020405b4 0101 0402 01 030306", "020405b4 01 030306 0402 00 00"},
        {true, false, true, "020405b4 0101 080a 11112222 33334444 01 030306",
         "020405b4 01 030306 0101 080a 11112222 33334444"},
        {false, true, true, "020405b4 0402 080a 11112222 33334444", "020405b4 0402 080a 11112222 33334444"},
        {true, false, false, "020405b4 01 030306", "020405b4 01 030306"},
        {false, true, false, "020405b4 0101 0402", "020405b4 0402 00 00"},
        {false, false, true, "020405b4 0101 080a 11112222 33334444", "020405b4 0101 080a 11112222 33334444"},
        {false, false, false, "020405b4", "020405b4"},
    };
    for (const SynCase& each : cases) {
        CAPTURE(each.has_window_scale, each.sack_permitted, each.has_timestamps);
        TcpOptions options;
        options.has_mss = true;
        options.mss = 1460;
        options.has_window_scale = each.has_window_scale;
        options.window_scale = 6;
        options.sack_permitted = each.sack_permitted;
        options.has_timestamps = each.has_timestamps;
        options.timestamps = {0x1111'2222U, 0x3333'4444U};
        const auto written = [&](SynLayout layout) {
            Bytes out(tcp_options_bytes_max);
            out.resize(write_syn_options(options, out.data(), layout));
            return out;
        };
        CHECK(written(SynLayout::linux_like) == hex(each.linux_like));
        CHECK(written(SynLayout::freebsd) == hex(each.freebsd));
    }
}

TEST_CASE("the options of a segment that are written are read back", "[stack][wire][tcp]") {
    for (const bool timestamps : {false, true}) {
        for (std::size_t blocks = 0; blocks <= sack_blocks_fit(timestamps); ++blocks) {
            CAPTURE(timestamps, blocks);
            TcpOptions options;
            options.has_timestamps = timestamps;
            options.timestamps = {7, 8};
            options.sack_blocks = static_cast<std::uint8_t>(blocks);
            for (std::uint32_t i = 0; i < blocks; ++i) options.sack[i] = {i * 100, i * 100 + 50};
            std::array<std::byte, tcp_options_bytes_max> out{};
            const std::size_t bytes = write_data_options(options, out.data());
            CHECK(bytes == data_options_bytes(timestamps, blocks));
            CHECK(bytes % 4 == 0);
            CHECK(bytes <= tcp_options_bytes_max);
            const Bytes written{out.begin(), out.begin() + static_cast<std::ptrdiff_t>(bytes)};
            CHECK(has_only_timestamps(written) == (timestamps && blocks == 0));
            const auto again = read(written);
            CHECK(again.has_timestamps == timestamps);
            if (timestamps) CHECK(again.timestamps == options.timestamps);
            REQUIRE(again.sack_blocks == blocks);
            for (std::size_t i = 0; i < blocks; ++i) CHECK(again.sack[i] == options.sack[i]);
        }
    }
}

}  // namespace
}  // namespace skerry::stack::wire
