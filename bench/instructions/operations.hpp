#pragma once

// The operations whose instructions are counted. A body does one `count` times, on skerry::testing: one thread, virtual
// time and a network in memory, so that a run takes the same path each time and on each machine. What is about the
// kernel's sockets cannot be counted there: it has a run instead of a body, and sees to the same path itself.

#include "../common/timed.hpp"

#include <skerry/base/result.hpp>
#include <skerry/task/task.hpp>

#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

namespace skerry::instructions {

struct Operation {
    const char* name;
    std::size_t count;
    Task<> (*body)(std::size_t count);
    void (*run)(std::size_t count) = nullptr;
};

/// What cannot fail here: ends the program if it does.
inline void need(bool holds) {
    if (!holds) std::abort();
}

/// The value of what cannot fail here.
template <class T, class E>
T need(Result<T, E>&& result) {
    need(bool(result));
    return std::move(*result);
}

void add_task_operations(std::vector<Operation>& operations);
void add_sync_operations(std::vector<Operation>& operations);
void add_timer_operations(std::vector<Operation>& operations);
void add_buffer_operations(std::vector<Operation>& operations);
void add_network_operations(std::vector<Operation>& operations);
void add_stack_operations(std::vector<Operation>& operations);
void add_echo_operations(std::vector<Operation>& operations);

}  // namespace skerry::instructions
