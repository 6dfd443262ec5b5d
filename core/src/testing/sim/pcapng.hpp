#pragma once

// A capture file of what a simulation's wire carries. One interface for each host; a frame stands on the interface of
// who sent it (direction out, with a comment when the wire lost or changed it) and again, at its arrival, on that of
// who got it (direction in).

#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>
#include <skerry/trace/pcapng.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace skerry::testing {

class Pcapng {
public:
    using Direction = trace::pcapng::Direction;

    /// Errors: what opening the file says.
    [[nodiscard]] static Result<std::unique_ptr<Pcapng>> create(const std::string& path);

    /// The next interface, numbered from 0.
    void add_interface(const std::string& name) { write_block(trace::pcapng::interface(name, 0)); }
    /// One frame, whole; `comment` may be null.
    void write(std::uint32_t interface, time::Instant at, std::span<const std::byte> frame, Direction direction,
               const char* comment) {
        write_block(
            trace::pcapng::packet(interface, at.as_nanos(), frame, direction, comment == nullptr ? "" : comment));
    }

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    using File = std::unique_ptr<std::FILE, Close>;

    explicit Pcapng(File file) : file_(std::move(file)) { write_block(trace::pcapng::section()); }

    void write_block(std::span<const std::byte> block) { std::fwrite(block.data(), 1, block.size(), file_.get()); }

    File file_;
};

}  // namespace skerry::testing
