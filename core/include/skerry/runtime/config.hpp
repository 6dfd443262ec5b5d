#pragma once

// What a runtime is built from, and the decision on which cores it runs. A plain struct: programs fill it by
// hand, from a command line or from a file; the Builder reads it once.
//
// Where it runs is decided here and nowhere else, by one rule: take what the machine, the affinity, the cpuset and
// the CPU quota leave, and keep a line for each decision, so that the start line of a program can say why it
// uses the cores it uses.

#include "../base/result.hpp"
#include "../time/instant.hpp"
#include "../topology/cpu_set.hpp"
#include "../trace/capture_options.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::runtime {

/// How many loops a runtime has.
enum class Flavour : std::uint8_t {
    current_thread,  ///< one loop, on the thread that calls block_on
    per_core,        ///< one loop and one thread for each core; a spawned task stays on its core
};

/// What a core does when it has nothing to do.
enum class IdlePolicy : std::uint8_t {
    spin,      ///< polls on: the shortest wake-up, a whole CPU
    adaptive,  ///< polls for a while, then sleeps
    sleep,     ///< sleeps at once (see spawn_blocking): the least CPU; holds timers back by up to 512 us, see
               ///< time::sleep_until()
};

/// What the sockets of a program mostly carry.
enum class Traffic : std::uint8_t { streams, datagrams };

[[nodiscard]] std::string_view to_string(Flavour flavour) noexcept;
[[nodiscard]] std::string_view to_string(IdlePolicy idle) noexcept;

/// Why a configuration cannot be used: one line that says what was wrong and what is available.
struct ConfigError {
    std::string message;
};

/// The names in a list such as `io_uring,dpdk`; blanks around a name and empty names are left out.
std::vector<std::string> parse_deny_list(std::string_view text);

/// The backends that the environment variable SKERRY_DENY takes off the ladder of `backend = "auto"`.
///
/// Threads: reads the environment; nobody may change it at the same time.
std::vector<std::string> denied_by_environment();

/// Everything a runtime can be told. The defaults suit a program in a container.
struct Config {
    Flavour flavour = Flavour::per_core;

    /// "auto", or a backend's name: dpdk, io_uring, epoll, tap:IF, xdp:IF; of several ports tap:IF+IF.
    std::string backend = "auto";
    /// Of backends that serve both, "auto" looks first at the one whose rate was measured to be ahead with this. All of
    /// them carry either.
    Traffic traffic = Traffic::streams;
    /// Backends that "auto" passes over.
    std::vector<std::string> deny = denied_by_environment();

    /// The CPUs to run on; nothing: as many as affinity, cpuset and quota leave.
    std::optional<topology::CpuSet> cores = std::nullopt;
    /// Whether each core's thread is bound to its CPU. A fractional CPU quota overrules it.
    bool pin = true;
    /// What idle cores do; nothing: the backend's default, which is sleep unless the backend sets another.
    std::optional<IdlePolicy> idle = std::nullopt;
    /// The same for single cores, by CPU number.
    std::map<unsigned, IdlePolicy> idle_of_core = {};

    /// How long a shutdown waits for tasks before it reports what did not stop.
    time::AnyDuration grace = std::chrono::seconds{5};

    /// Tasks that are resumed in one turn of the loop. Between two turns the driver is polled; while tasks are ready
    /// epoll and tap, whose poll is a call of the kernel, at most every 10 us, and io_uring not in the 80 us in which
    /// it gathers what many connections answer. Tokio's figure; an odd prime, so that it falls into step with no batch
    /// size a program is likely to use.
    std::uint32_t event_interval = 61;
    /// Operations a task may complete in one run before it goes behind the others.
    std::uint32_t task_budget = 128;
    /// Times in a row that the task woken last may run ahead of the ring.
    std::uint32_t max_next_slot_runs = 3;

    /// Threads for blocking calls. Tokio allows 512, because there every file operation takes one. Here files go
    /// through io_uring where it exists; what is left (resolver, blocking libraries) waits for few devices, so
    /// that 64 keep a disk's queue full, and a burst cannot put hundreds of threads on the polling cores' CPUs.
    std::uint32_t blocking_threads_max = 64;
    /// Calls that wait for such a thread. Whoever comes when it is full waits, in order, until a place is free.
    std::uint32_t blocking_queue_max = 4096;

    /// Threads are named by it: "skerry-0". The kernel keeps 15 bytes of a thread's name.
    std::string thread_name = "skerry";
    /// Seed of everything the runtime draws by chance; nothing: from the system, another in each run.
    std::optional<std::uint64_t> seed = std::nullopt;

    /// For backends with a network stack of their own, as given: "198.18.0.2/24", or several with commas. The kernel's
    /// sockets have the kernel's addresses and look at none of this. Of several ports a part for each, with + between,
    /// in `routes` too.
    std::string ip = {};
    std::string ip6 = {};
    std::string gateway = {};
    /// Routes of such a backend, several with commas: "198.51.100.0/24:198.18.0.1", or "10.0.0.0/8" for hosts that are
    /// on the link. At most 16 a family; of several the longest holds.
    std::string routes = {};
    /// How TCP of such a backend behaves: a profile, which is linux, freebsd or lowlat, and what shall be otherwise,
    /// with commas: "lowlat,ecn=asks". Empty: as Linux within the bounds of the standards. stack/tcp/limit_options.hpp
    /// has it.
    std::string tcp = {};
    /// The VLAN that such a backend is in, 1 to 4094; 0: none.
    std::uint16_t vlan = 0;
    /// EAL arguments and device of the dpdk backend, as given.
    std::string dpdk = {};

    /// What is recorded of the frames that pass the ports of such a backend, and where.
    trace::CaptureOptions capture = {};
};

/// One core of a plan.
struct PlannedCore {
    unsigned cpu = 0;
    IdlePolicy idle = IdlePolicy::sleep;
};

/// Where a runtime runs, and why.
struct CorePlan {
    std::vector<PlannedCore> cores;  ///< at least one, by rising CPU number
    bool pin = false;  ///< bind each core's thread to its CPU
    std::uint32_t awake_max =
        0;  ///< how many threads the CPUs, and the quota, leave awake at a time; 0: the quota is no whole number
    std::vector<std::string> reasons;  ///< a line for each decision; the first says where `cores` come from

    [[nodiscard]] topology::CpuSet cpus() const;
};

/// Decides on cores, pinning and idling.
///
/// Automatic: the CPUs that affinity and cpuset leave, the lowest ones, as many as the quota pays for, rounded up.
/// Named: those, all of them. Under a quota that is no whole number of CPUs, and smaller than the CPUs there are,
/// nothing is pinned and nothing spins: the idle policy becomes sleep. The flavour current_thread takes one core
/// and, unless that core was named, leaves the caller's thread unpinned; with its end the thread is as it was.
///
/// Shape:   `sysroot` is "/", or a folder with recorded proc/ and sys/ trees.
/// Errors:  a named CPU that does not exist, is off, or is not this process's to use; no core named; two cores
///          for current_thread; an idle policy for a core that is not in the plan; a zero among event_interval,
///          task_budget, max_next_slot_runs, blocking_threads_max, blocking_queue_max.
/// Threads: call it before any thread is pinned.
/// Cost:    reads some ten small files; for start-up only.
Result<CorePlan, ConfigError> resolve_cores(const Config& config, const std::filesystem::path& sysroot = "/");

}  // namespace skerry::runtime
