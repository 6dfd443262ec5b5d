#include "call_threads.hpp"

#include "clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

constexpr std::size_t threads_most = 65;
constexpr std::chrono::microseconds glance{50};  // awake; nearly all calls are over by then
constexpr std::chrono::microseconds between_looks{100};
constexpr int looks_asleep = 4;  // in a row; locks of a kernel are not held that long
constexpr std::chrono::milliseconds longest{20};

}  // namespace

Call CallThreads::run(Work work, OnReturn on_return) {
    collect();
    auto state = std::make_shared<Call::State>();
    state->began = state->ended = present();
    CallThread* const thread = free_thread();
    if (thread == nullptr) {
        state->outcome = unsupported("more than " + std::to_string(threads_most - 1) + " calls that wait");
        return Call(std::move(state));
    }
    thread->begin(std::move(work));
    pending_.push_back({state, thread, std::move(on_return)});
    wait_for(*thread);
    collect();
    return Call(std::move(state));
}

CallThread* CallThreads::free_thread() {
    for (const auto& thread : threads_)
        if (thread->is_free()) return thread.get();
    if (threads_.size() == threads_most) return nullptr;
    return threads_.emplace_back(std::make_unique<CallThread>(home_, bell_)).get();
}

void CallThreads::wait_for(const CallThread& thread) {
    const time::Instant began = present();
    while (!thread.has_returned() && present() < began + glance) {
    }
    for (int asleep = 0; asleep < looks_asleep && present() < began + longest;) {
        const std::uint64_t rung = bell_.rung();
        if (thread.has_returned()) return;
        asleep = thread.is_asleep_in_call() ? asleep + 1 : 0;
        bell_.sleep(rung, present() + between_looks);
    }
}

bool CallThreads::finish(Pending& pending) {
    if (!pending.thread->has_returned()) return false;
    Finished finished = pending.thread->take();
    pending.state->began = finished.began;
    pending.state->ended = finished.ended;
    pending.state->outcome = std::move(finished.outcome);
    const auto* const returned = std::get_if<Returned>(&pending.state->outcome);
    if (returned != nullptr && pending.on_return) pending.on_return(*returned);
    return true;
}

// In the order in which they were made.
void CallThreads::collect() {
    std::erase_if(pending_, [](Pending& pending) { return finish(pending); });
}

void CallThreads::stop() {
    for (const auto& thread : threads_) thread->stop();
    collect();
    threads_.clear();
}

}  // namespace skerry::pkt::kernel
