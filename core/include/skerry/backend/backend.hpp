#pragma once

// The coarse half of the seam: what the Builder sees of a backend. Virtual, because it is called once a
// core, not once a packet.

#include "../base/result.hpp"
#include "../task/scheduler.hpp"
#include "../time/instant.hpp"
#include "slow_lane.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace skerry::trace {
class Capture;
}

namespace skerry::backend {

/// How a core waits when nothing is ready.
enum class Idle : std::uint8_t {
    spin,      ///< never sleeps
    adaptive,  ///< polls on for a while, then sleeps
    sleep,     ///< sleeps at once; timers that come in crowds may be 512 us late
};

/// What a user wrote about ports and addresses; each driver reads what concerns it.
struct Options {
    std::string dpdk;
    std::string ip;
    std::string ip6;
    std::string gateway;
    std::string routes;  ///< NET/LEN:ROUTER, or NET/LEN on the link; several with commas
    std::string tcp;  ///< a profile and single settings: stack/tcp/limit_options.hpp
    std::string interface;
    std::uint16_t vlan = 0;  ///< 0: none
    std::uint16_t cores = 1;  ///< that the runtime makes
    bool have_own_threads = false;  ///< each core has a thread that runs nothing else
    bool by_ladder = false;  ///< the ladder chooses the driver: it has not been named
    bool mostly_datagrams = false;  ///< the ladder is asked for sockets that mostly carry them
};

class Backend;

/// Everything a core needs to know before it runs.
struct CoreSetup {
    task::Scheduler* scheduler = nullptr;
    task::CoreId core;
    std::uint16_t core_count = 1;  ///< cores that the runtime makes, each from the same options
    bool has_own_thread = false;  ///< only the thread that makes the core runs it, and calls leave() at the end
    Idle idle = Idle::sleep;
    std::uint32_t resumes_per_turn = 61;
    Options options;
    trace::Capture* capture = nullptr;  ///< what records the frames that pass ports; null: nothing does
    Backend* slow_lanes = nullptr;  ///< who makes one for a driver that has none of its own; null: nobody
};

/// One core: a scheduler, a timer wheel and a driver in a loop. Made and run on the thread it belongs to, and destroyed
/// on any.
class Core {
public:
    virtual ~Core() = default;

    /// Turns until request_stop().
    virtual void run() = 0;

    /// Ends every task of this core; their destructors run here.
    virtual void stop_tasks() = 0;

    /// A thread of its own goes, after the last of its tasks: what only that thread may give back is given back.
    virtual void leave() noexcept {}

    /// Turns until `done` says so; for block_on on the caller's thread.
    virtual void run_until(bool (*done)(void*), void* context) = 0;

    /// One turn without sleeping; returns when the next is due: at once, at a timer, or never unless woken
    /// through wake_fd().
    virtual time::Instant poll_once() = 0;

    /// Readable when poll_once() has something to do; -1 when this driver cannot say.
    [[nodiscard]] virtual int wake_fd() const noexcept = 0;

    /// Makes run() end. Threads: any.
    virtual void request_stop() noexcept = 0;

    /// Makes a sleeping core look around. Threads: any.
    virtual void unpark() noexcept = 0;

    /// What it found out while it was made that its options do not say: addresses that it was given. May be empty.
    [[nodiscard]] const std::string& note() const noexcept { return note_; }
    /// Before it runs.
    void set_note(std::string note) { note_ = std::move(note); }

private:
    std::string note_;
};

/// Whether a driver can run here, and the one line that says why or why not.
struct Probe {
    bool usable = false;
    std::string reason;
};

/// A failure while setting up, with the next step in its text.
struct SetupError {
    std::string message;
};

/// A folder of drivers: dpdk, kernel_io, testing.
class Backend {
public:
    virtual ~Backend() = default;

    /// The drivers of this build.
    [[nodiscard]] virtual std::span<const std::string_view> drivers() const noexcept = 0;

    /// The drivers in the order in which `auto` should try them here.
    [[nodiscard]] virtual std::span<const std::string_view> ladder(const Options& /*options*/) const {
        return drivers();
    }

    /// What an idle core of `driver` does unless the configuration says it.
    [[nodiscard]] virtual Idle default_idle(std::string_view /*driver*/) const noexcept { return Idle::sleep; }

    /// Finds out by doing whether `driver` can run here with these options.
    [[nodiscard]] virtual Probe probe(std::string_view driver, const Options& options) = 0;

    /// Whether make_slow_lane() can make one.
    [[nodiscard]] virtual bool has_slow_lanes() const noexcept { return false; }

    /// Makes a slow lane for a core of another backend, on that core's thread.
    ///
    /// Errors: what the system says, with the next step; unsupported backends say so.
    [[nodiscard]] virtual Result<std::unique_ptr<CarriedSlowLane>, SetupError> make_slow_lane() {
        return Unexpected(SetupError{"this backend makes no slow lane"});
    }

    /// Makes a core on the calling thread.
    [[nodiscard]] virtual Result<std::unique_ptr<Core>, SetupError> make_core(std::string_view driver,
                                                                              const CoreSetup& setup) = 0;
};

}  // namespace skerry::backend
