#include "loadgen/protocol/numbered_message.hpp"

#include "loadgen/protocol/echo.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace {

using namespace skerry::loadgen;
using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
    Bytes all;
    for (const int value : values) all.push_back(static_cast<std::byte>(value));
    return all;
}

Bytes copy(std::span<const std::byte> of) { return {of.begin(), of.end()}; }

/// The answer that a server gives to a request.
Bytes answer_to(MessageFormat format, std::span<const std::byte> request) {
    Bytes answer = copy(request);
    if (format == MessageFormat::sockperf) answer[9] &= ~std::byte{1};
    return answer;
}

}  // namespace

TEST_CASE("a message of sockperf has number, flags and length in network order", "[apps][loadgen][sockperf]") {
    NumberedMessage message(MessageFormat::sockperf, 16, std::byte{'z'});
    CHECK(copy(message.request(0x0102030405060708)) == bytes({1, 2, 3, 4, 5, 6, 7, 8, 0, 3, 0, 0, 0, 16, 'z', 'z'}));
    message.mark(bytes({7, 9, 11}));
    CHECK(copy(message.request(1)) == bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 16, 7, 9}));
    NumberedMessage longest(MessageFormat::sockperf, 1 << 20, std::byte{'z'});
    CHECK(copy(longest.request(0).subspan(10, 4)) == bytes({0, 16, 0, 0}));
    NumberedMessage shortest(MessageFormat::sockperf, 14, std::byte{'z'});
    shortest.mark(bytes({7}));
    CHECK(shortest.request(5).size() == 14);
}

TEST_CASE("an answer is taken for its own number only, and each byte of it counts", "[apps][loadgen][sockperf]") {
    for (const MessageFormat format : {MessageFormat::plain, MessageFormat::sockperf}) {
        NumberedMessage message(format, 40, std::byte{'z'});
        message.mark(bytes({1, 2, 3, 4, 5, 6, 7, 8}));
        const std::uint64_t number = 0x1122334455667788;
        const Bytes answer = answer_to(format, message.request(number));
        (void)message.request(77);  // what was sent since does not matter
        CHECK(message.number_in(answer) == number);
        CHECK(message.is_answer(answer, 0, number));
        CHECK_FALSE(message.is_answer(answer, 0, number + 1));
        for (std::size_t i = 0; i < answer.size(); ++i) {
            INFO("byte " << i);
            Bytes damaged = answer;
            damaged[i] ^= std::byte{1};
            CHECK_FALSE(message.is_answer(damaged, 0, number));
            CHECK_FALSE(message.is_answer(std::span(damaged).subspan(i, 1), i, number));
            CHECK(message.is_answer(std::span(answer).subspan(i), i, number));
            CHECK(message.is_answer(std::span(answer).first(i), 0, number));
        }
    }
}

TEST_CASE("a plain request shorter than its number has the beginning of it", "[apps][loadgen]") {
    NumberedMessage message(MessageFormat::plain, 3, std::byte{'z'});
    message.mark(bytes({7}));  // there is no room for it
    const Bytes sent = copy(message.request(0x00aabbcc));
    CHECK(message.is_answer(sent, 0, 0x00aabbcc));
    CHECK_FALSE(message.is_answer(sent, 0, 0x00aabbcd));
}

TEST_CASE("answers of an echo end after their size, however the stream is cut", "[apps][loadgen]") {
    for (const MessageFormat format : {MessageFormat::plain, MessageFormat::sockperf}) {
        for (std::size_t piece = 1; piece <= 60; ++piece) {
            Echo echo(NumberedMessage(format, 20, std::byte{'z'}), true);
            Bytes stream;
            for (std::uint64_t number = 0; number < 3; ++number) {
                const Bytes answer = answer_to(format, echo.requests(number, 1));
                stream.insert(stream.end(), answer.begin(), answer.end());
            }
            stream[30] ^= std::byte{4};  // of the second
            std::vector<Taken> taken;
            for (std::size_t at = 0; at < stream.size(); at += piece) {
                std::span<const std::byte> data = std::span(stream).subspan(at, std::min(piece, stream.size() - at));
                while (!data.empty())
                    if (const Taken each = echo.take(data, taken.size()); each != Taken::more) taken.push_back(each);
            }
            CHECK(taken == std::vector{Taken::answer, Taken::damaged, Taken::answer});
        }
    }
}
