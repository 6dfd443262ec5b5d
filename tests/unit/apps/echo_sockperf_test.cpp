#include "echo/sockperf.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace {

using namespace skerry::echo::sockperf;
using Bytes = std::vector<std::byte>;

constexpr std::uint16_t client = Header::from_client;
constexpr std::uint16_t ask = Header::answer_wanted;

Bytes message(std::uint8_t number, std::uint16_t flags, std::size_t payload_bytes) {
    Bytes bytes(header_bytes + payload_bytes, std::byte{number});
    std::fill_n(bytes.begin(), 8, std::byte{0});
    bytes[7] = std::byte{number};
    bytes[8] = static_cast<std::byte>(flags >> 8U);
    bytes[9] = static_cast<std::byte>(flags & 0xffU);
    const std::size_t length = bytes.size();
    for (std::size_t i = 0; i < 4; ++i) bytes[10 + i] = static_cast<std::byte>(length >> (24 - 8 * i));
    return bytes;
}

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// Feeds `stream` in segments of `step` bytes; what is answered, or nothing when it was refused.
std::optional<Bytes> answers(StreamAnswerer& answerer, const Bytes& stream, std::size_t step) {
    Bytes out;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        const std::size_t count = std::min(step, stream.size() - at);
        Bytes segment(answerer.carried());
        segment.insert(segment.end(), &stream[at], &stream[at] + count);
        const auto kept = answerer.answer(segment);
        if (!kept) return std::nullopt;
        out.insert(out.end(), segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(*kept));
    }
    return out;
}

}  // namespace

TEST_CASE("a datagram that wants an answer is its own answer with the client bit cleared", "[apps][echo]") {
    Bytes datagram = message(7, client | ask | 4, 20);
    REQUIRE(answer_datagram(datagram) == Verdict::answer);
    CHECK(datagram == message(7, ask | 4, 20));
}

TEST_CASE("an answer that comes to a server is not answered, whatever it asks for", "[apps][echo]") {
    Bytes datagram = message(7, ask, 20);
    CHECK(answer_datagram(datagram) == Verdict::no_answer);
    StreamAnswerer answerer;
    CHECK(answers(answerer, joined({message(1, ask, 5), message(2, client | ask, 5)}), 100) == message(2, ask, 5));
}

TEST_CASE("a datagram that wants no answer gets none", "[apps][echo]") {
    Bytes datagram = message(7, client, 20);
    CHECK(answer_datagram(datagram) == Verdict::no_answer);
}

TEST_CASE("a datagram whose length is not its own is garbage", "[apps][echo]") {
    Bytes longer = message(7, client | ask, 20);
    longer.push_back(std::byte{0});
    CHECK(answer_datagram(longer) == Verdict::garbage);
    Bytes cut(13);
    CHECK(answer_datagram(cut) == Verdict::garbage);
    CHECK(answer_datagram({}) == Verdict::garbage);
}

TEST_CASE("the answers to a stream do not depend on where its segments end", "[apps][echo]") {
    const Bytes stream = joined({message(1, client | ask, 0), message(2, client, 30), message(3, client | ask, 5),
                                 message(4, client, 0), message(5, client | ask, 100)});
    const Bytes expected = joined({message(1, ask, 0), message(3, ask, 5), message(5, ask, 100)});
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        StreamAnswerer answerer;
        CHECK(answers(answerer, stream, step) == expected);
        CHECK(answerer.messages() == 5);
        CHECK(answerer.carried() == 0);
    }
}

TEST_CASE("a length that no message has refuses the stream", "[apps][echo]") {
    for (const std::uint32_t length : {0U, 13U, message_bytes_max + 1, 0xffff'ffffU}) {
        Bytes bytes = message(1, client | ask, 0);
        for (std::size_t i = 0; i < 4; ++i) bytes[10 + i] = static_cast<std::byte>(length >> (24 - 8 * i));
        StreamAnswerer answerer;
        CHECK_FALSE(answers(answerer, bytes, bytes.size()).has_value());
    }
}

TEST_CASE("the longest message passes", "[apps][echo]") {
    const Bytes longest = message(9, client | ask, message_bytes_max - header_bytes);
    StreamAnswerer answerer;
    CHECK(answers(answerer, longest, 65'536) == message(9, ask, message_bytes_max - header_bytes));
}
