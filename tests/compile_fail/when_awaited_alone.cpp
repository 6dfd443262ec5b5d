// EXPECT: when() is a branch of select() or select_biased() and of nothing else
// It would wait for ever.

#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>

skerry::Task<> wait(bool open, skerry::sync::Notify& bell) { co_await skerry::when(open, bell.notified()); }
