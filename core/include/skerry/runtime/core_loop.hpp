#pragma once

// Hot path. The loop of one core, over the driver of one backend. Each backend instantiates it in a source
// file of its own, so that receive, tasks, timers and transmit inline into one function.
//
// A turn: what other cores posted, then receive, timers, tasks, transmit. At most 61 resumes make a turn.
// Their number is halved when a turn took over 20 us and doubled when it took less than half of that, so
// that tasks that run long do not keep the driver waiting; a change of workload is followed within seven turns.
// A core with little to do, whose turns end before their resumes do, does not look at the clock for that. While there
// are more, no more than half as many things are taken in as tasks run: what comes wakes tasks too, and with a thousand
// of them ready the memory of each would be cold when it is its turn.
//
// A core that spins over a driver whose look costs a few nanoseconds looks several times before it reads the clock
// again, which costs more (20 ns in a guest, half of an idle turn): what comes is seen sooner. The time that a turn
// passes down is then old by those looks, under 0.2 us, so timers fire that much later and never early.
//
// When nothing is ready the core spins, or sleeps in the driver. Going to sleep: the driver arms, the inbox
// word gets the sleeping mark, the core parks. Whoever posts after the mark rings; who posted before it is
// seen because the mark is only set on an empty inbox. A sleeping core does not poll first: the park itself
// is the poll and brings the events along, so that one message costs one system call. Only where another thread was
// asked for something that may be done sooner than a sleep and a wake does it wait awake for a while
// (task/post_wait.hpp).

#include "../backend/backend.hpp"
#include "../backend/driver.hpp"
#include "../base/compiler.hpp"
#include "../task/run.hpp"
#include "../task/scheduler.hpp"
#include "../time/clock.hpp"
#include "../time/instant.hpp"
#include "../time/timer.hpp"
#include "driver_waiters.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <utility>

namespace skerry::runtime {

/// How long a turn may take before the driver is polled again.
inline constexpr std::chrono::nanoseconds turn_limit = std::chrono::microseconds{20};

/// How long an adaptive core polls on after its last work before it sleeps.
inline constexpr std::chrono::nanoseconds adaptive_spin = std::chrono::microseconds{50};

/// How long after it fired timers a sleeping core wakes for the next one at the earliest. A wake-up costs 10 to 25 us
/// of CPU on a virtual machine, so a timer every 10 us would cost as much as spinning. One that comes alone is not
/// held back; where many come together it is the longer time.
inline constexpr std::chrono::nanoseconds timer_wake_interval = std::chrono::microseconds{64};
inline constexpr std::chrono::nanoseconds timer_wake_interval_many = std::chrono::microseconds{512};
inline constexpr std::size_t many_timers = 4;

/// How often a core has the clock corrected.
inline constexpr std::chrono::nanoseconds slew_interval = std::chrono::seconds{1};

/// How often a core that spins looks for something to receive before it reads the clock again.
inline constexpr unsigned looks_per_turn = 4;

template <backend::Driver D>
class CoreLoop final : public backend::Core {
public:
    /// The driver is made in place: `make(D*)` constructs it at the address.
    template <class... Args>
    explicit CoreLoop(const backend::CoreSetup& setup, Args&&... driver_arguments)
        : scheduler_(*setup.scheduler),
          timers_(time::Instant::now()),
          driver_(std::forward<Args>(driver_arguments)...),
          idle_(setup.idle),
          resumes_per_turn_(setup.resumes_per_turn),
          batch_(setup.resumes_per_turn) {
        scheduler_.set_turn_limit(turn_cycles_);
        scheduler_.set_doorbell([](void* self) noexcept { static_cast<CoreLoop*>(self)->driver_.unpark(); }, this);
    }

    void run() override {
        const Installed here(*this);
        Turn last{.worked = true, .has_more = true};
        // The look at the request stands between the turn and the sleep: one that comes later rings.
        while (!stop_requested_.load(std::memory_order_relaxed)) {
            const Slept slept = last.has_more ? Slept::no : idle(last.worked);
            last = turn_inlined(slept);
        }
        flush();
    }

    void run_until(bool (*done)(void*), void* context) override {
        const Installed here(*this);
        take_mark_back();
        Slept slept = Slept::no;
        while (!done(context)) {
            const bool worked = turn(slept);
            const bool is_idle = !scheduler_.has_ready() && driver_waiters_.empty() && !done(context);
            slept = is_idle ? idle(worked) : Slept::no;
        }
        flush();
    }

    time::Instant poll_once() override {
        const Installed here(*this);
        take_mark_back();
        turn();
        flush();
        if (scheduler_.has_ready() || !driver_waiters_.empty()) return time::Instant::now();
        if (!driver_.arm() || !scheduler_.try_sleep()) return time::Instant::now();
        is_marked_ = true;
        return outside_deadline();
    }

    [[nodiscard]] int wake_fd() const noexcept override { return driver_.wake_fd(); }

    void stop_tasks() override {
        const Installed here(*this);
        take_mark_back();
        do {
            scheduler_.abort_all();
            driver_.transmit(time::Instant::now());
        } while (scheduler_.drain() || scheduler_.live_tasks() != 0);
    }

    void leave() noexcept override {
        if constexpr (requires { driver_.leave(); }) driver_.leave();
    }

    void request_stop() noexcept override {
        stop_requested_.store(true, std::memory_order_relaxed);
        driver_.unpark();
    }

    void unpark() noexcept override { driver_.unpark(); }

    /// Makes this core the thread's own while it runs, and restores what was there before: a thread that
    /// drives several current_thread runtimes by poll_once() nests them.
    class Installed {
    public:
        explicit Installed(CoreLoop& loop) noexcept
            : scheduler_(std::exchange(task::current_scheduler, &loop.scheduler_)),
              timers_(std::exchange(time::current_timers, &loop.timers_)),
              waiters_(std::exchange(current_driver_waiters, &loop.driver_waiters_)),
              services_(loop.driver_.install()),
              was_running_(loop.scheduler_.set_running(true)) {}
        ~Installed() {
            task::current_scheduler->set_running(was_running_);
            task::current_scheduler = scheduler_;
            time::current_timers = timers_;
            current_driver_waiters = waiters_;
        }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        task::Scheduler* scheduler_;
        time::CoreTimers* timers_;
        DriverWaiters* waiters_;
        decltype(std::declval<D&>().install()) services_;
        bool was_running_;
    };

    /// One turn without sleeping; true when it found something to do. Installed only; for whoever steps a core.
    bool turn() noexcept { return turn(Slept::no); }

    [[nodiscard]] D& driver() noexcept { return driver_; }

private:
    /// Whether the core has slept before a turn, and whether others posted something meanwhile.
    enum class Slept : std::uint8_t { no, undisturbed, posted };

    bool turn(Slept slept) noexcept { return turn_inlined(slept).worked; }

    // On virtual time nothing may depend on how long the machine took.
    static constexpr bool is_virtual = requires { requires D::is_virtual; };

    struct Turn {
        bool worked;  // found something to do
        bool has_more;  // something is ready that it left to the next, or waits for the driver
    };

    // Compiled into run(), whose registers it shares.
    SKERRY_ALWAYS_INLINE Turn turn_inlined(Slept slept) noexcept {
        bool worked = slept != Slept::undisturbed && scheduler_.drain();
        const time::Instant now = read_clock();
        if (slept != Slept::no) {  // a core does not sleep while anybody waits for the driver
            const backend::Work received = driver_.receive(now);
            worked |= received != backend::Work::none;
            if (received == backend::Work::more) last_receive_ = time::Instant{};
        } else if (must_receive(now)) {
            worked |= receive(now);
            worked |= driver_waiters_.release();
        }
        if (const std::size_t fired = timers_.fire(now); fired != 0) {
            worked = true;
            next_timer_wake_ = now + (fired < many_timers ? timer_wake_interval : timer_wake_interval_many);
        }
        bool has_more = false;
        if (scheduler_.has_ready()) {
            worked = true;
            has_more = run_tasks();
        }
        if constexpr (!backend::sends_at_once<D>) {
            driver_.transmit(now);
            has_more = scheduler_.has_ready();  // it wakes those that waited for room, and whose time is over
        }
        return {worked, has_more || !driver_waiters_.empty()};
    }

    SKERRY_ALWAYS_INLINE bool receive(time::Instant now) noexcept {
        if constexpr (requires { driver_.receive(now, 1U); }) {
            if (is_busy_ && scheduler_.has_ready()) [[unlikely]]
                return receive_some(now);
        }
        backend::Work received = driver_.receive(now);
        if constexpr (D::busy_poll_interval_ns == 0 && !is_virtual) {
            if (received == backend::Work::none && idle_ == backend::Idle::spin) received = look_again(now);
        }
        last_receive_ = received == backend::Work::more ? time::Instant{} : now;
        return received != backend::Work::none;
    }

    // At most one for every two resumes, so that those who are ready already become fewer. With as many as ever a core
    // that has once fallen behind would stay there: each turn would add more than it runs.
    SKERRY_COLD bool receive_some(time::Instant now) noexcept {
        resumes_unmatched_ = std::min(resumes_unmatched_ + batch_, 2 * resumes_per_turn_);
        if constexpr (requires { driver_.is_gathering(); }) {
            if (driver_.is_gathering() && driver_waiters_.empty()) return false;
        }
        unsigned most = resumes_unmatched_ / 2;
        resumes_unmatched_ -= 2 * most;
        if (!driver_waiters_.empty()) most = std::max(most, 1U);  // who waits for the driver waits for a look
        if (most == 0) return false;
        last_receive_ = driver_.receive(now, most) == backend::Work::more ? time::Instant{} : now;
        return true;
    }

    // While tasks are ready, as often as the driver's interval says.
    [[nodiscard]] bool must_receive(time::Instant now) const noexcept {
        return !scheduler_.has_ready() || !driver_waiters_.empty() ||
               now >= last_receive_ + std::chrono::nanoseconds{D::busy_poll_interval_ns};
    }

    SKERRY_ALWAYS_INLINE backend::Work look_again(time::Instant now) noexcept {
        if (scheduler_.has_ready() || !driver_waiters_.empty()) return backend::Work::none;
        for (unsigned looks = 1; looks < looks_per_turn && !scheduler_.has_posts(); ++looks)
            if (const backend::Work received = driver_.receive(now); received != backend::Work::none) return received;
        return backend::Work::none;
    }

    void flush() noexcept {
        if constexpr (requires { driver_.flush(); }) driver_.flush();
    }

    // Whether more may be ready.
    SKERRY_ALWAYS_INLINE bool run_tasks() noexcept {
        if constexpr (requires { driver_.before_tasks(scheduler_); }) driver_.before_tasks(scheduler_);
        if constexpr (is_virtual) return scheduler_.run_inlined(resumes_per_turn_);
        if (is_busy_) [[unlikely]]
            return run_tasks_timed();
        scheduler_.begin_turn();
        const bool has_more = scheduler_.run_inlined(batch_);
        if (has_more) is_busy_ = true;
        return has_more;
    }

    SKERRY_COLD bool run_tasks_timed() noexcept {
        const std::uint64_t start = time::Clock::cycles();
        scheduler_.begin_turn(start);
        is_busy_ = scheduler_.run(batch_) == batch_;
        if (!is_busy_) return scheduler_.has_ready();
        const std::uint64_t took = time::Clock::cycles() - start;
        if (took > turn_cycles_)
            batch_ = std::max(1U, batch_ / 2);
        else if (took < turn_cycles_ / 2)
            batch_ = std::min(resumes_per_turn_, batch_ * 2);
        return true;
    }

    // Only while nothing is ready and nobody waits for the driver.
    SKERRY_ALWAYS_INLINE Slept idle(bool worked) noexcept {
        if constexpr (is_virtual) return park(worked);  // also one that was told to spin: only the park moves the time
        if (idle_ != backend::Idle::sleep) {
            if (idle_ == backend::Idle::spin) return Slept::no;
            const time::Instant now = timers_.turn_time();
            if (worked) idle_since_ = now;
            if (now - idle_since_ < adaptive_spin) {
                cpu_relax();
                return Slept::no;
            }
        }
        return park(worked);
    }

    SKERRY_ALWAYS_INLINE Slept park([[maybe_unused]] bool worked) noexcept {
        if constexpr (!is_virtual) {
            if (scheduler_.lingers(worked)) return Slept::no;
        }
        if (!driver_.arm() || !scheduler_.try_sleep()) return Slept::no;
        driver_.park(wake_time());
        return scheduler_.awake() ? Slept::undisturbed : Slept::posted;
    }

    // The mark that poll_once() leaves.
    void take_mark_back() noexcept {
        if (std::exchange(is_marked_, false)) scheduler_.awake();
    }

    [[nodiscard]] time::Instant wake_time() noexcept {
        const time::Instant deadline = next_deadline();
        if constexpr (is_virtual) return deadline;
        return std::max(deadline, next_timer_wake_);
    }

    [[nodiscard]] time::Instant next_deadline() noexcept {
        return std::min(timers_.next_deadline(), driver_.next_deadline());
    }

    // A loop outside cannot wait for all that park() waits for.
    [[nodiscard]] time::Instant outside_deadline() noexcept {
        if constexpr (requires { driver_.outside_deadline(); })
            return std::min(timers_.next_deadline(), driver_.outside_deadline());
        else
            return next_deadline();
    }

    SKERRY_ALWAYS_INLINE time::Instant read_clock() noexcept {
        if constexpr (is_virtual) return time::Instant::now();
        time::Instant now;
        if (time::Instant::read(clock_line_, now)) [[likely]]
            return now;
        return renew_clock();
    }

    // About once a second, and while the clock bends.
    SKERRY_COLD time::Instant renew_clock() noexcept {
        const time::Instant now = time::Instant::now();
        if (now >= next_slew_) slew(now);
        time::Clock::keep(clock_line_, slew_interval);
        return now;
    }

    void slew(time::Instant now) noexcept {
        time::Clock::slew();
        turn_cycles_ = time::Clock::cycles_from(turn_limit);
        scheduler_.set_turn_limit(turn_cycles_);
        next_slew_ = now + slew_interval;
    }

    task::Scheduler& scheduler_;
    time::CoreTimers timers_;
    DriverWaiters driver_waiters_;
    D driver_;
    backend::Idle idle_;
    unsigned resumes_per_turn_;
    unsigned batch_;
    bool is_busy_ = false;  // the last turn ended with all the resumes it had
    unsigned resumes_unmatched_ = 0;  // while busy: for which nothing was taken in yet
    bool is_marked_ = false;  // as asleep, between two calls of poll_once()
    std::uint64_t turn_cycles_ = time::Clock::cycles_from(turn_limit);
    time::detail::KeptLine clock_line_;
    time::Instant last_receive_;
    time::Instant next_slew_;
    time::Instant idle_since_;
    time::Instant next_timer_wake_;
    std::atomic<bool> stop_requested_{false};
};

}  // namespace skerry::runtime
