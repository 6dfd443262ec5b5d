// EXPECT: when() is a branch of select() or select_biased() and of nothing else
// The select would wait for the time-out of an operation that takes no part.

#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/time/timeout.hpp>

skerry::Task<> wait(bool open, skerry::sync::Notify& bell, skerry::sync::Notify& other) {
    const std::chrono::seconds second(1);
    (void)co_await skerry::select(skerry::time::timeout(second, skerry::when(open, bell.notified())), other.notified());
}
