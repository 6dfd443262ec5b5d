#include "loadgen/protocol/resp.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace skerry::loadgen;

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("commands of RESP are taken in turn, whatever leaves together", "[apps][loadgen][resp]") {
    RespSettings settings;
    settings.commands = {RespCommand::ping, RespCommand::get, RespCommand::set};
    settings.keys = 1;
    settings.value_bytes = 3;
    RespCommands commands(settings, 1);
    const std::string ping = "*1\r\n$4\r\nPING\r\n";
    const std::string get = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n";
    const std::string set = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n";
    CHECK(text_of(commands.bytes(0, 4)) == ping + get + set + ping);
    CHECK(text_of(commands.bytes(4, 1)) == get);
    CHECK(text_of(commands.bytes(UINT64_MAX - 1, 1)) == text_of(commands.bytes((UINT64_MAX - 1) % 3, 1)));
    CHECK(settings.command_bytes_max() == set.size());
    CHECK(commands.count_max() == 16'384 / set.size());
    CHECK(text_of(commands.bytes(0, commands.count_max())).size() <= 16'384);
}

TEST_CASE("keys of RESP are below their number, many, and the same for the same seed", "[apps][loadgen][resp]") {
    RespSettings settings;
    settings.commands = {RespCommand::get};
    settings.keys = 1'000;
    RespCommands commands(settings, 7);
    std::set<std::uint64_t> keys;
    std::vector<std::uint64_t> counts(10);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        const std::uint64_t key = commands.key(number);
        REQUIRE(key < 1'000);
        keys.insert(key);
        ++counts[key / 100];
        const std::string digits = std::to_string(key);
        const std::string text = text_of(commands.bytes(number, 1));
        REQUIRE(text == "*2\r\n$3\r\nGET\r\n$16\r\nkey:" + std::string(12 - digits.size(), '0') + digits + "\r\n");
    }
    CHECK(keys.size() > 990);  // 1,000 * (1 - e^-10)
    CHECK(*std::min_element(counts.begin(), counts.end()) > 850);
    CHECK(*std::max_element(counts.begin(), counts.end()) < 1'150);
    RespCommands again(settings, 7);
    RespCommands other(settings, 8);
    int same = 0;
    for (std::uint64_t number = 0; number < 1'000; ++number) {
        REQUIRE(again.key(number) == commands.key(number));
        same += other.key(number) == commands.key(number);
    }
    CHECK(same < 20);
}

TEST_CASE("a value of RESP that is longer than a block is sent alone", "[apps][loadgen][resp]") {
    RespSettings settings;
    settings.commands = {RespCommand::set};
    settings.keys = RespSettings::keys_max;
    settings.value_bytes = 100'000;
    RespCommands commands(settings, 1);
    CHECK(commands.count_max() == 1);
    const std::string text = text_of(commands.bytes(5, 1));
    CHECK(text.size() == settings.command_bytes_max());
    CHECK(text.ends_with("\r\n$100000\r\n" + std::string(100'000, 'x') + "\r\n"));
}

TEST_CASE("a reply of RESP must be of the kind that its command has", "[apps][loadgen][resp]") {
    struct Row {
        RespCommand command;
        std::string_view reply;
        Taken taken;
    };
    const Row rows[] = {
        {RespCommand::ping, "+PONG\r\n", Taken::answer},
        {RespCommand::ping, "+OK\r\n", Taken::damaged},
        {RespCommand::ping, "$4\r\nPONG\r\n", Taken::damaged},
        {RespCommand::get, "$1\r\nx\r\n", Taken::answer},
        {RespCommand::get, "$-1\r\n", Taken::answer},
        {RespCommand::get, "+OK\r\n", Taken::damaged},
        {RespCommand::get, "*1\r\n$1\r\nx\r\n", Taken::damaged},
        {RespCommand::set, "+OK\r\n", Taken::answer},
        {RespCommand::set, "+QUEUED\r\n", Taken::damaged},
        {RespCommand::set, "$-1\r\n", Taken::damaged},
        {RespCommand::set, "-OOM\r\n", Taken::refusal},
        {RespCommand::ping, "-ERR x\r\n", Taken::refusal},
        {RespCommand::ping, "PONG\r\n", Taken::broken},
        {RespCommand::ping, "+PON", Taken::more},
    };
    for (const Row& row : rows) {
        INFO(row.reply);
        RespSettings settings;
        settings.commands = {row.command};
        Resp resp(settings, 1);
        auto data = bytes_of(row.reply);
        CHECK(resp.take(data, 12) == row.taken);
    }
}

TEST_CASE("a complaint of RESP is short and moves no cursor", "[apps][loadgen][resp]") {
    const RespSettings settings;
    Resp resp(settings, 1);
    const std::string error = "-ERR \x1b[2J" + std::string(5'000, 'x') + "\r\n";
    auto data = bytes_of(error);
    CHECK(resp.take(data, 0) == Taken::refusal);
    CHECK(resp.complaint().starts_with("ERR ?[2Jxxx"));
    CHECK(resp.complaint().size() == 200);
}
