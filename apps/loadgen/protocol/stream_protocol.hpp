#pragma once

// The seam between a connection and the protocol that is spoken over it.
//
// A connection (client_stream.hpp) knows when to send and keeps the times; a protocol knows bytes: what a request is,
// and where in the stream of answers one ends. So a protocol is a small class that reads no clock and owns no socket,
// and the unit tests run it whole.
//
//     std::span<const std::byte> requests(std::uint64_t first, std::size_t count)
//         The bytes of so many requests, numbered from `first`; valid until the next call. 1 <= count <= batch_max().
//     Taken take(std::span<const std::byte>& data, std::uint64_t number)
//         Takes bytes from the front of `data` until an answer ends or no more are there. `number` is that of the
//         request whose answer is due.
//     std::size_t batch_max(), std::string complaint()
//         The most requests that are asked for at once; what the last refusal or broken answer was, in a few words.
//     static constexpr bool numbers_answers
//         Whether an answer shows which request it is of.
//     static constexpr bool reconnects
//         Whether the end of a connection is part of the protocol. Then also:
//     Taken take_end()
//         The stream has ended: `more` between two answers, `broken` within one; it may also be what ends an answer.
//     bool is_last(), bool may_repeat()
//         Whether no answer follows the one that has just ended; whether a request may be sent a second time.
//     void restart()
//         A new connection: forgets what was under way.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace skerry::loadgen {

/// What a protocol found in a stream of answers.
enum class Taken : std::uint8_t {
    more,     ///< everything is used, and no answer has ended
    answer,   ///< an answer ended, and it is what was asked for
    refusal,  ///< an answer ended in which the server says no
    damaged,  ///< an answer ended, and it is not what was asked for; where the next one begins is known
    broken,   ///< this cannot be an answer, and where the next one begins is unknown
};

template <class P>
concept StreamProtocol =
    requires(P& protocol, std::span<const std::byte>& data, std::uint64_t number, std::size_t count) {
        { protocol.requests(number, count) } -> std::same_as<std::span<const std::byte>>;
        { protocol.take(data, number) } -> std::same_as<Taken>;
        { protocol.batch_max() } -> std::same_as<std::size_t>;
        { protocol.complaint() } -> std::same_as<std::string>;
        { P::numbers_answers } -> std::convertible_to<bool>;
        { P::reconnects } -> std::convertible_to<bool>;
    };

/// One whose connections end now and then, and are made anew.
template <class P>
concept ReconnectingProtocol = StreamProtocol<P> && P::reconnects && requires(P& protocol) {
    { protocol.take_end() } -> std::same_as<Taken>;
    { protocol.is_last() } -> std::same_as<bool>;
    { protocol.may_repeat() } -> std::same_as<bool>;
    { protocol.restart() };
};

}  // namespace skerry::loadgen
