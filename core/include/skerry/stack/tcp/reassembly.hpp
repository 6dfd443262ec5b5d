#pragma once

// Segments that came before what they follow, sorted and without overlap. What is here already stays as it is: a
// duplicate with other bytes changes nothing. Bounded by the number of pieces (and by the window, in front of it), so
// that a peer who sends every second byte costs 256 insertions into a vector of 256 and no more.

#include "../frame_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skerry::stack::tcp {

/// Owns the frames in it, each of which begins and ends with its payload.
class Reassembly {
public:
    enum class Outcome : std::uint8_t { kept, known, full };

    Reassembly() noexcept = default;
    ~Reassembly() { clear(); }
    Reassembly(const Reassembly&) = delete;
    Reassembly& operator=(const Reassembly&) = delete;

    [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return pieces_.size(); }

    /// Takes the frame over when it answers kept; it may have been trimmed to what is new. At the limit the piece that
    /// lies farthest away goes, which may be this one (full). `dropped` counts the others.
    [[nodiscard]] Outcome insert(std::uint32_t seq, Frame& payload, std::size_t limit, std::uint32_t& dropped) noexcept;

    /// The first piece, if it holds `next`: trimmed to begin there. Null if not.
    [[nodiscard]] Frame* take(std::uint32_t next) noexcept;

    void clear() noexcept;

private:
    struct Piece {
        std::uint32_t seq = 0;
        std::uint32_t bytes = 0;
        Frame* frame = nullptr;

        [[nodiscard]] std::uint32_t end() const noexcept { return seq + bytes; }
    };

    std::vector<Piece> pieces_;
};

}  // namespace skerry::stack::tcp
