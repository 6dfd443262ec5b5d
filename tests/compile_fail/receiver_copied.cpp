// EXPECT: use of deleted function || uses deleted function
// A channel has one receiver.

#include <skerry/sync/mpsc.hpp>

auto copy(const skerry::sync::mpsc::Receiver<int>& receiver) { return skerry::sync::mpsc::Receiver<int>(receiver); }
