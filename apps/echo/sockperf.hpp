#pragma once

// The server's half of sockperf's protocol, so that the unmodified tool measures this runtime.
//
// A message is a header of 14 bytes in network order and a payload:
//
//     sequence number u64 | flags u16 | length u32, header included | payload
//
// Flag bit 0 says "from the client", bit 1 "answer me", bit 2 "warm-up". The answer is the message itself with bit 0
// cleared; a message without bit 1 gets none (under-load asks for an answer to every hundredth). On TCP the length
// frames the messages, and a segment may begin and end anywhere, inside a header too.
//
// Answers are made in place. A segment whose messages all want one is sent back as it came; of any other the wanted
// parts are moved together. Only a header that is cut by the end of a segment is kept, at most 13 bytes; a payload
// passes through as it comes, so a message of 1 MiB needs no buffer of 1 MiB.
//
// Source: sockperf 3.7 on the wire; its manual for the limits of a message.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace skerry::echo::sockperf {

inline constexpr std::size_t header_bytes = 14;

/// The longest message on TCP; a longer length is not sockperf's.
inline constexpr std::uint32_t message_bytes_max = 1U << 20;

/// The header's fields but the sequence number, which the answer repeats unread.
struct Header {
    std::uint16_t flags = 0;
    std::uint32_t length = 0;

    static constexpr std::uint16_t from_client = 1U << 0U;
    static constexpr std::uint16_t answer_wanted = 1U << 1U;

    /// An answer wants none, though it says so: two servers would send it to and fro for ever.
    [[nodiscard]] bool wants_answer() const noexcept {
        constexpr std::uint16_t both = from_client | answer_wanted;
        return (flags & both) == both;
    }
};

/// Reads a header. Shape: `bytes` holds at least header_bytes.
[[nodiscard]] Header read_header(std::span<const std::byte> bytes) noexcept;

/// Clears "from the client". Shape: as read_header.
void mark_answer(std::span<std::byte> bytes) noexcept;

/// What a datagram is to a server.
enum class Verdict : std::uint8_t {
    answer,     ///< send it back; it is marked already
    no_answer,  ///< a message that wants none
    garbage,    ///< no message of sockperf
};

/// Judges one datagram, and makes it its own answer when it wants one.
[[nodiscard]] Verdict answer_datagram(std::span<std::byte> datagram) noexcept;

/// Turns the stream that one client sends into the stream of answers.
class StreamAnswerer {
public:
    /// Bytes that answer() needs in front of the next segment.
    [[nodiscard]] std::size_t carried() const noexcept { return carried_bytes_; }

    /// Turns a segment into what is to be sent, from its front on.
    ///
    /// Shape:  the first carried() bytes of `segment` are left for this function to fill; new data follows. Returns
    ///         how many bytes are to be sent.
    /// Errors: nothing, when a length is impossible: the client does not speak sockperf, and where its next message
    ///         begins is unknown.
    [[nodiscard]] std::optional<std::size_t> answer(std::span<std::byte> segment) noexcept;

    /// Whole messages that came, and those of them that wanted an answer.
    [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }

private:
    std::array<std::byte, header_bytes> carry_{};
    std::uint8_t carried_bytes_ = 0;
    bool answering_ = false;  // whether the message we are in wants an answer
    std::uint32_t payload_left_ = 0;  // of the message we are in
    std::uint64_t messages_ = 0;
};

}  // namespace skerry::echo::sockperf
