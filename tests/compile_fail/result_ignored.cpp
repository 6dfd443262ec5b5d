// EXPECT: ignoring returned value of type 'skerry::Result<>' || ignoring return value
// An error that nobody looks at is lost.

#include <skerry/base/result.hpp>

skerry::Result<> close();

void forget() { close(); }
