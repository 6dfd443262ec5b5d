#pragma once

// A driver of epoll and a scheduler that its wakes go to, both this thread's, without a loop.

#include "epoll/driver.hpp"

#include <skerry/task/scheduler.hpp>

#include <utility>

namespace skerry::tests {

struct EpollCore {
    EpollCore() {
        scheduler->configure(task::CoreId{0}, {}, nullptr, 1);
        task::current_scheduler = scheduler;
    }
    ~EpollCore() {
        driver.receive(time::Instant::now());
        task::current_scheduler = nullptr;
        scheduler->close();
        scheduler->retire();
    }
    EpollCore(const EpollCore&) = delete;
    EpollCore& operator=(const EpollCore&) = delete;

    task::Scheduler* scheduler = task::Scheduler::acquire();
    kernel_io::epoll::Driver driver{std::move(*kernel_io::epoll::Poller::make()), scheduler->home()};
};

}  // namespace skerry::tests
