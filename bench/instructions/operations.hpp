#pragma once

// The operations whose instructions are counted. A body does one `count` times, on skerry::testing: one thread, virtual
// time and a network in memory, so that a run takes the same path each time and on each machine.

#include "../common/timed.hpp"

#include <skerry/task/task.hpp>

#include <cstddef>
#include <vector>

namespace skerry::instructions {

struct Operation {
    const char* name;
    std::size_t count;
    Task<> (*body)(std::size_t count);
};

void add_task_operations(std::vector<Operation>& operations);
void add_sync_operations(std::vector<Operation>& operations);
void add_timer_operations(std::vector<Operation>& operations);
void add_buffer_operations(std::vector<Operation>& operations);
void add_network_operations(std::vector<Operation>& operations);
void add_stack_operations(std::vector<Operation>& operations);

}  // namespace skerry::instructions
