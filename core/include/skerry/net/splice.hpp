#pragma once

// Splice: what io::copy does with much data between two connections of the kernel. It goes from one to the other
// through a pipe, whose pages the kernel hands on, and does not enter the program.
//
// A copy begins by reading and writing, and each time it is woken it does so first: a stream with little to carry needs
// no pipe, and what arrives with a buffer or less is moved no faster by one. Behind a read that left more, the rest is
// spliced until nothing is there.

#include "tcp_stream.hpp"

#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry::net {

/// Moves from one connection into another, one way.
///
/// Lifetime: not longer than the two.
/// Threads:  their core.
/// Cost:     a pipe, two descriptors, from the first time that it is worth it. Where there is none it never is.
class Splice {
public:
    Splice(TcpStream& from, TcpStream& to) noexcept : from_(detail::socket_of(from)), to_(detail::socket_of(to)) {}
    Splice(OwnedReadHalf& from, OwnedWriteHalf& to) noexcept : Splice(from.stream(), to.stream()) {}
    Splice(TcpStream& from, OwnedWriteHalf& to) noexcept : Splice(from, to.stream()) {}
    Splice(OwnedReadHalf& from, TcpStream& to) noexcept : Splice(from.stream(), to) {}

    /// Whether move() would take over, behind `copied` bytes that were read and written. The first yes makes the pipe.
    [[nodiscard]] bool is_worth_it(std::uint64_t copied) noexcept {
        return copied >= worth_a_pipe && from_.may_read && from_.given_back == nullptr && has_pipe();
    }

    /// Moves what has come until there is nothing more; also at the end of the stream, which the next read finds.
    ///
    /// Shape:  returns the bytes moved.
    /// Errors: those of read and write.
    /// Cancel: partial: an unknown part was moved, and some may be lost.
    [[nodiscard]] Task<Result<std::uint64_t>> move();

private:
    static constexpr std::uint64_t worth_a_pipe = 256 * 1024;

    [[nodiscard]] bool has_pipe() noexcept { return is_made_ ? static_cast<bool>(intake_) : make_pipe(); }
    bool make_pipe() noexcept;

    backend::StreamSocket& from_;
    backend::StreamSocket& to_;
    OwnedFd intake_;
    OwnedFd outlet_;
    bool is_made_ = false;  // or not to be had
};

}  // namespace skerry::net
