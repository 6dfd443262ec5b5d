#pragma once

// A recording of what passes our ports, as a pcapng file. Each core has a tap, and one thread writes out what the taps
// have: a core never waits for a disk. What finds no room in its ring is missing in the file, and the file says how
// much that is: of each interface a block of statistics at its end, which capinfos and tshark show.
//
// Rejected: the blocking pool, whose threads have a limit that a program's own calls may use up; and rte_pcapng, which
// copies each frame into an mbuf first and knows neither TAP nor AF_XDP.
//
// Times are those of time::Instant, put onto the calendar once, when the file is opened: a step of the clock afterwards
// shows in no frame.

#include "capture_options.hpp"
#include "capture_tap.hpp"

#include "../base/error.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace skerry::trace {

class Capture {
public:
    /// Opens the file and starts the thread. What is in the file goes when the first tap is added. A pipe needs its
    /// reader first.
    ///
    /// Errors: what opening the file says; EAGAIN: there is no thread left.
    [[nodiscard]] static Result<std::unique_ptr<Capture>> open(const CaptureOptions& options);

    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture() { close(); }

    /// Another interface, whose frames one core gives.
    ///
    /// Lifetime: the tap's is the capture's.
    /// Threads:  any.
    CaptureTap& add_tap(std::string name);
    [[nodiscard]] std::size_t taps() const;
    /// Frames that have passed and are not recorded, of all interfaces.
    ///
    /// Threads: any.
    [[nodiscard]] std::uint64_t missing() const;

    /// Writes what there is and ends the file. What is given to a tap later is not recorded. A reader of a pipe who
    /// does not read is waited for a second.
    ///
    /// Threads: any, one at a time.
    void close() noexcept;

private:
    struct Interface {
        std::unique_ptr<CaptureTap> tap;
        bool is_described = false;  // the thread's
        std::atomic<std::uint64_t> discarded{0};  // frames that the tap took and nobody wrote
        [[nodiscard]] std::uint64_t missing() const noexcept {
            return tap->missing() + discarded.load(std::memory_order_relaxed);
        }
    };

    Capture(const CaptureOptions& options, OwnedFd fd);

    void run() noexcept;
    [[nodiscard]] bool wait_for_turn();
    [[nodiscard]] std::vector<Interface*> interfaces();
    void stop_taps() noexcept;
    void write_out();
    void write_out(Interface& interface);
    void write_statistics();
    void discard(Interface& interface, std::uint64_t from, std::uint64_t end) noexcept;
    [[nodiscard]] std::uint64_t write_frames(const CaptureTap& tap, const CaptureTap::Pending& pending);
    [[nodiscard]] bool write(std::span<const std::byte> block);
    [[nodiscard]] std::size_t write_bytes(std::span<const std::byte> bytes) noexcept;
    void fail(std::uint64_t whole);
    [[nodiscard]] bool wait_for_reader() noexcept;
    void stop(const std::string& why);

    CaptureOptions options_;
    OwnedFd fd_;
    std::int64_t epoch_ns_;
    std::uint64_t written_ = 0;  // whole blocks
    bool is_stopped_ = false;
    bool is_broken_ = false;  // ends in a part of a block
    std::atomic<int> patience_ms_{-1};  // of a pipe's reader; negative: without end
    mutable std::mutex mutex_;  // of what follows
    std::condition_variable closing_changed_;
    bool is_closing_ = false;
    std::deque<Interface> interfaces_;  // each stays where it is; not locked while the disk or a reader is waited for
    std::thread thread_;
};

}  // namespace skerry::trace
