#pragma once

// The explorer: runs one schedule of a model after the other, decides at every operation who goes next, and
// checks what the operations do. model.hpp says what is explored; this is how.
//
// A decision is taken on the stack of the thread that reaches an operation. When the thread may go on and is
// chosen, nothing switches at all, which is most of the speed. A thread that is switched to finds its
// decision taken and does its operation at once.

#include "engine/choices.hpp"
#include "engine/fiber.hpp"
#include "engine/heap.hpp"
#include "engine/locations.hpp"
#include "engine/trace.hpp"
#include "model.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace skerry::model {

/// A load, or another operation that changed nothing, since the thread's last change.
struct FruitlessRead {
    const Location* location;
    const void* site;
    std::uint64_t version;
};

struct Thread {
    static constexpr unsigned reads_max = 16;
    static constexpr std::size_t locals_bytes_max = 256;

    Fiber fiber;
    bool idle = false;   // its fiber waits for the next body; otherwise the fiber has to be prepared
    bool fresh = false;  // has not reached its first operation: being started was the decision for that
    std::uint8_t id = 0;
    std::uint8_t let_on = 0;
    std::uint32_t joins = 0;          // the threads it waits for, a bit each
    const Location* held_at = nullptr;
    unsigned held_from = 0;  // reads[held_from, reads_count) are one round of its loop
    unsigned reads_count = 0;  // the oldest first
    VectorClock clock;
    detail::Body body = nullptr;
    void* outer_closure = nullptr;  // of the main thread
    std::array<void*, 2> exception_state{};
    std::array<FruitlessRead, reads_max> reads;
    std::array<std::byte, locals_bytes_max> locals;
    alignas(std::max_align_t) std::array<std::byte, detail::closure_bytes_max> closure;

    /// Whether another read of `location` by `site` begins a round like the last, which began with the same
    /// one: nothing that was read in it has changed since. If so, held_from tells where that round begins.
    [[nodiscard]] bool would_repeat(const Location* location, const void* site) noexcept {
        for (unsigned i = reads_count; i-- != 0 && reads[i].version == reads[i].location->version;) {
            if (reads[i].location != location || reads[i].site != site) continue;
            held_from = i;
            return true;
        }
        return false;
    }
    [[nodiscard]] bool waits_for(const Location* location) const noexcept {
        if (held_at == nullptr) return false;
        return std::any_of(reads.begin() + held_from, reads.begin() + reads_count,
                           [&](const FruitlessRead& read) { return read.location == location; });
    }
    void remember_read(const Location* location, const void* site) noexcept {
        const auto end = std::remove_if(reads.begin(), reads.begin() + reads_count, [&](const FruitlessRead& read) {
            return read.location == location && read.site == site;
        });
        reads_count = static_cast<unsigned>(end - reads.begin());
        if (reads_count == reads_max) {
            std::move(reads.begin() + 1, reads.end(), reads.begin());
            --reads_count;
        }
        reads[reads_count++] = {location, site, location->version};
    }
    void forget_reads() noexcept {
        reads_count = 0;
        let_on = 0;
    }
};

class Explorer {
public:
    Report explore(const char* name, const Options& options, detail::Body body, void* closure);

    // Everything below is called by model threads.
    detail::Outcome perform(void* address, const detail::Operation& operation, const void* site);
    void construct(const void* address);
    void access_plain(detail::PlainState& state, const void* address, detail::Plain kind,
                      const std::source_location& where);
    void* allocate(std::size_t bytes, std::size_t alignment);
    void free(void* memory);
    void* new_thread_closure();
    unsigned start_thread(detail::Body body);
    void join(std::uint32_t threads);
    void yield();
    unsigned choose(unsigned count);
    void register_fiber_local(void* variable, std::size_t bytes);
    void name(const void* address, const char* text);
    void count_tracked(int change) noexcept { tracked_ += change; }
    void progress() noexcept {
        current_->forget_reads();
        stuck_at_ = 0;
    }
    [[noreturn]] void fail(const std::string& message);

    [[nodiscard]] unsigned thread_id() const noexcept { return current_->id; }
    [[nodiscard]] std::uint32_t started_threads() const noexcept { return (std::uint32_t{1} << thread_count_) - 1; }

    /// Prints the schedule that runs now, for the signal handler.
    void print_crash(const char* what, const void* address) noexcept;

private:
    enum class End : std::uint8_t { normal, failed, cut };
    struct FiberLocal {
        void* variable;
        std::size_t bytes;
        std::size_t offset;
    };

    [[nodiscard]] static constexpr std::uint32_t bit(unsigned thread) noexcept { return std::uint32_t{1} << thread; }

    // explorer.cpp: exploration and scheduling
    [[nodiscard]] bool select_mode(Report& report, const Options& options);
    void run_schedule(detail::Body body, void* closure);
    void explain(Report& report) const;
    void prepare_thread(Thread& thread, detail::Body body);
    static void thread_main(void* thread);
    void end_thread();
    void check_end_of_schedule();
    void step(Location* location, const void* site, bool fruitless);
    void reschedule(bool voluntary);
    [[nodiscard]] unsigned pick_next(bool voluntary);
    [[nodiscard]] unsigned let_one_on();
    void switch_to(Thread& next);
    void leave(End end);
    void load_locals(const Thread& thread) noexcept;
    void save_locals(Thread& thread) noexcept;
    void wake_held_at(const Location* location) noexcept;
    [[nodiscard]] std::string describe_waiters();

    // operations.cpp: what an operation means
    void apply(Location& location, TraceEntry& entry, const void* site);
    void check_constructed(const Location& location);
    void check_block(const void* address);
    void synchronize(Location& location, const TraceEntry& entry, std::memory_order order);
    [[noreturn]] void fail_race(const void* address, const char* what, unsigned thread, const char* other_what,
                                unsigned other);
    [[nodiscard]] Location& location_of(const void* address);
    TraceEntry& record(TraceEntry::What what, const void* address = nullptr, std::uint64_t value = 0,
                       const std::source_location& where = {});

    Thread* current_ = nullptr;
    std::uint32_t ready_ = 0;  // a bit for each thread that could do its next operation
    std::uint32_t alive_ = 0;
    unsigned preemptions_ = 0;
    unsigned thread_count_ = 0;
    bool spurious_left_ = false;
    End end_ = End::normal;
    std::uint64_t steps_ = 0;
    std::uint64_t let_on_ = 0;
    std::size_t stuck_at_ = 0;  // the length of the trace when nobody could do anything new; 0: somebody can
    std::uint64_t schedule_ = 0;
    std::int64_t tracked_ = 0;
    Options options_;
    Choices choices_;
    Locations locations_;
    Heap heap_;
    std::vector<TraceEntry> trace_;
    const char* name_ = "";
    std::string message_;
    std::array<Thread, threads_max> threads_;
    Thread root_;  // stands for the caller of check(): its stack, its exception state
    std::array<FiberLocal, 16> locals_{};
    unsigned locals_count_ = 0;
    std::size_t locals_bytes_ = 0;
};

/// The explorer whose model thread runs right now, or null.
extern constinit Explorer* running;

/// Has a fault signal print the schedule that met it.
void install_crash_reporter();

}  // namespace skerry::model
