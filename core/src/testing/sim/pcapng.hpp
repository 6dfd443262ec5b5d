#pragma once

// A capture file of what a simulation's wire carries: pcapng, as tshark and Wireshark read it. One interface for each
// host; a frame stands on the interface of who sent it (direction out, with a comment when the wire lost or changed
// it) and again, at its arrival, on that of who got it (direction in).
//
// Source: draft-ietf-opsawg-pcapng: section header, interface description and enhanced packet blocks.

#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace skerry::testing {

class Pcapng {
public:
    enum class Direction : std::uint8_t { in = 1, out = 2 };

    /// Errors: what opening the file says.
    [[nodiscard]] static Result<std::unique_ptr<Pcapng>> create(const std::string& path);

    /// The next interface, numbered from 0.
    void add_interface(const std::string& name);
    /// One frame, whole; `comment` may be null.
    void write(std::uint32_t interface, time::Instant at, std::span<const std::byte> frame, Direction direction,
               const char* comment);

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    using File = std::unique_ptr<std::FILE, Close>;

    explicit Pcapng(File file);

    void number16(std::uint16_t value) { raw(&value, sizeof value); }
    void number32(std::uint32_t value) { raw(&value, sizeof value); }
    void raw(const void* from, std::size_t bytes);
    void pad() { body_.resize((body_.size() + 3) / 4 * 4); }  // whatever follows begins at a multiple of 4
    void option(std::uint16_t code, const void* from, std::size_t bytes);
    void write_block(std::uint32_t type);

    File file_;
    std::vector<std::byte> body_;  // of the block that is being made
};

}  // namespace skerry::testing
