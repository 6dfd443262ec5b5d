#include "call_thread.hpp"

#include "clock.hpp"
#include "internal_fd.hpp"
#include "quiet_thread.hpp"
#include "wake_signal.hpp"

#include <skerry/base/assert.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace skerry::pkt::kernel {

// It is not free before it has come into the namespace and opened its state.
CallThread::CallThread(const NetworkNamespace& home, Bell& bell) : bell_(bell) {
    install_wake_signal();
    std::unique_lock lock(mutex_);
    thread_ = quiet_thread([this, &home] { serve(home); });
    changed_.wait(lock, [this] { return is_free(); });
}

CallThread::~CallThread() { stop(); }

// --- the script's side

void CallThread::begin(Work work) {
    SKERRY_ASSERT(is_free(), "a thread is given two calls");
    {
        const std::lock_guard lock(mutex_);
        work_ = std::move(work);
        phase_.store(Phase::given, std::memory_order_release);
    }
    changed_.notify_all();
}

Finished CallThread::take() {
    SKERRY_ASSERT(has_returned(), "a call has not returned");
    Finished finished = std::move(finished_);
    work_ = nullptr;
    phase_.store(Phase::free, std::memory_order_release);
    return finished;
}

// "4711 (name of the program) S ...": the name may have blanks and parentheses, what follows has none.
bool CallThread::is_asleep_in_call() const {
    if (phase() != Phase::in_call) return false;
    std::array<char, 256> room{};
    const ssize_t count = ::pread(state_.get(), room.data(), room.size(), 0);
    if (count <= 0) return false;
    const std::string_view line(room.data(), static_cast<std::size_t>(count));
    const std::size_t name_end = line.rfind(')');
    return name_end != std::string_view::npos && line.substr(name_end).starts_with(") S") && phase() == Phase::in_call;
}

// The signal may come just before the call begins to wait, and would be lost: so it is sent until the thread ends.
void CallThread::stop() {
    if (!thread_.joinable()) return;
    {
        std::unique_lock lock(mutex_);
        is_stopping_ = true;
        changed_.notify_all();
        while (!changed_.wait_for(lock, std::chrono::milliseconds{1}, [this] { return has_ended_; }))
            send_wake_signal(thread_);
    }
    thread_.join();
}

// --- the thread's side

void CallThread::serve(const NetworkNamespace& home) {
    home.settle_thread();
    take_wake_signals();
    state_ = internal_fd(::open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC));
    {
        const std::lock_guard lock(mutex_);
        phase_.store(Phase::free, std::memory_order_release);
    }
    changed_.notify_all();
    while (next()) make_call();
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
}

bool CallThread::next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_stopping_ || phase() == Phase::given; });
    return phase() == Phase::given;
}

void CallThread::make_call() {
    phase_.store(Phase::in_call, std::memory_order_release);
    finished_.began = present();
    finished_.outcome = work_();
    finished_.ended = present();
    phase_.store(Phase::returned, std::memory_order_release);
    bell_.ring();
}

}  // namespace skerry::pkt::kernel
