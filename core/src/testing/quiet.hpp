#pragma once

namespace skerry::testing {

/// While a search tries runs on this thread, it alone says what went wrong: simulations do not print their seeds.
inline thread_local constinit bool is_searching = false;

}  // namespace skerry::testing
