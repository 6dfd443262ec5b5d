#include <skerry/time/wheel.hpp>

namespace skerry::time {

template class BasicWheel<TimerEntry>;

}  // namespace skerry::time
