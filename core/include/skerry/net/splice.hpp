#pragma once

// Splice: what io::copy does with much data between two connections of the kernel. It goes from one to the other
// through a pipe, whose pages the kernel hands on, and does not enter the program.
//
// A copy begins by reading and writing, and each time that it is woken it does so first: a stream with little to carry
// needs no pipe, and what arrives with a buffer or less is moved no faster by one. Where a read has left more, the rest
// is spliced until the kernel gives no more; whether that is all, or the end, the next read says.

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
class Splice {
public:
    Splice(TcpStream& from, TcpStream& to) noexcept;
    Splice(const Splice&) = delete;
    Splice& operator=(const Splice&) = delete;
    ~Splice();
    Splice(OwnedReadHalf& from, OwnedWriteHalf& to) noexcept : Splice(from.stream(), to.stream()) {}
    Splice(TcpStream& from, OwnedWriteHalf& to) noexcept : Splice(from, to.stream()) {}
    Splice(OwnedReadHalf& from, TcpStream& to) noexcept : Splice(from.stream(), to) {}

    /// Whether move() should take over, behind `copied` bytes that were read and written, `last` of them at last.
    [[nodiscard]] bool is_worth_it(std::uint64_t copied, std::size_t last) const noexcept {
        return is_possible_ && copied >= worth_a_pipe && last >= much_at_once && from_.may_read &&
               from_.given_back == nullptr && from_.given_back_error.code() == Errc::ok;
    }

    /// Moves what has come until the kernel gives no more.
    ///
    /// Shape:  returns the bytes moved; 0 also where there is no pipe to be had or splicing is refused, which is then
    ///         not tried again.
    /// Errors: those of read and write.
    /// Cancel: partial: an unknown part was moved, and some may be lost.
    /// Cost:   a pipe of up to 256 KiB, two descriptors, while it lasts; 64 of a program are kept from one call to the
    ///         next, for as long as their Splice lives. Budget as reading and writing the bytes.
    [[nodiscard]] Task<Result<std::uint64_t>> move();

private:
    /// Two descriptors, or none.
    struct Pipe {
        OwnedFd outlet;
        OwnedFd intake;
    };

    /// An empty one; without ends when there is none that would do.
    [[nodiscard]] static Pipe make_pipe() noexcept;
    [[nodiscard]] Pipe take_pipe() noexcept;
    void keep(Pipe pipe) noexcept;

    static constexpr std::uint64_t worth_a_pipe = 256 * 1024;
    static constexpr std::size_t much_at_once = 32 * 1024;  // may_read alone is also true where little came

    backend::StreamSocket& from_;
    backend::StreamSocket& to_;
    Pipe kept_;  // empty of bytes
    bool is_possible_;
};

}  // namespace skerry::net
