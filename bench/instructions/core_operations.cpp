// Tasks, channels, locks and timers: the bodies that the benchmarks time too.

#include "operations.hpp"

#include "../common/sync_bodies.hpp"
#include "../common/task_bodies.hpp"
#include "../common/timer_bodies.hpp"

namespace skerry::instructions {

using namespace bench;
using task::CoreId;
using task::LocalScope;
using task::SharedScope;

namespace {

// A multiple of the 61 resumes of a turn and of the 128 operations of a run, so that both counts end alike.
constexpr std::size_t count = std::size_t{61} * 128 * 2;

template <class Scope, std::size_t Capacity>
Task<> messages(std::size_t n) {
    return bounded<Scope>(n, Capacity, 1, CoreId{0});
}

template <class Scope>
Task<> messages_unbounded(std::size_t n) {
    return unbounded<Scope>(n, 1, CoreId{0});
}

template <class Scope>
Task<> requests(std::size_t n) {
    return ping_pong<Scope>(n, CoreId{0});
}

Task<> spawns(std::size_t n) { return spawn_join_batches(n, 64); }

}  // namespace

void add_task_operations(std::vector<Operation>& operations) {
    operations.push_back({"await_child", count, &call_leaf});
    operations.push_back({"spawn_run_join", count, &spawns});
    operations.push_back({"yield", count, &yields});
    operations.push_back({"wake_local", count, &wakes<LocalScope>});
    operations.push_back({"wake_shared", count, &wakes<SharedScope>});
    operations.push_back({"select_loser_dropped", count, &select_losers});
}

void add_sync_operations(std::vector<Operation>& operations) {
    operations.push_back({"mpsc_message_local", count, &messages<LocalScope, 64>});
    operations.push_back({"mpsc_message_shared", count, &messages<SharedScope, 64>});
    operations.push_back({"mpsc_message_unbounded_shared", count, &messages_unbounded<SharedScope>});
    operations.push_back({"mpsc_request_answer_local", count, &requests<LocalScope>});
    operations.push_back({"mpsc_request_answer_shared", count, &requests<SharedScope>});
    operations.push_back({"oneshot_local", count, &oneshots<LocalScope>});
    operations.push_back({"oneshot_shared", count, &oneshots<SharedScope>});
    operations.push_back({"oneshot_round_trip_shared", count, &oneshot_round_trips});
    operations.push_back({"mutex_lock_unlock_local", count, &lock_alone<LocalScope>});
    operations.push_back({"mutex_lock_unlock_shared", count, &lock_alone<SharedScope>});
}

void add_timer_operations(std::vector<Operation>& operations) {
    operations.push_back({"timer_arm_cancel", count, &arm_and_cancel_sleep_until});
    operations.push_back({"sleep_that_fires", count, &sleeps});
}

}  // namespace skerry::instructions
