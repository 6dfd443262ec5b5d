// EXPECT: when() is a branch of select() or select_biased() and of nothing else
// What would a join give for an operation that has been disabled?

#include <skerry/sync/notify.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>

skerry::Task<> wait(bool open, skerry::sync::Notify& bell, skerry::sync::Notify& other) {
    (void)co_await skerry::join(skerry::when(open, bell.notified()), other.notified());
}
