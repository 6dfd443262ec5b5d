#pragma once

#include <stdexcept>

namespace skerry::testing {

/// A test cannot go on: the task under test waits for ever, or was aborted. what() lists the live tasks.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace skerry::testing
