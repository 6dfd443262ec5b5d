#include <skerry/signal/signal.hpp>

#include <skerry/backend/fd_readiness.hpp>
#include <skerry/base/assert.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace skerry::signal {

namespace {

constexpr std::size_t listeners_max = 64;

// All that the handler touches: lock-free, and never freed.
struct Slot {
    std::atomic<int> number{0};  // 0: free
    std::atomic<int> event_fd{-1};
};

std::array<Slot, listeners_max> slots;

// Handlers that run now, on any thread. Whoever takes a slot out of use waits for them before it closes the descriptor:
// a handler may hold its number, and would write into whatever gets the number next. Both this and the slot's number
// are sequentially consistent: a handler that is not counted yet sees that the slot is free.
std::atomic<int> handlers_running{0};

void on_signal(int number) {
    const int saved = errno;
    handlers_running.fetch_add(1);
    for (Slot& slot : slots) {
        if (slot.number.load() != number) continue;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(slot.event_fd.load(std::memory_order_relaxed), &one, sizeof one);
    }
    handlers_running.fetch_sub(1);
    errno = saved;
}

void free_slot(Slot& slot) noexcept {
    slot.number.store(0);
    while (handlers_running.load() != 0) std::this_thread::yield();
    slot.event_fd.store(-1, std::memory_order_release);
}

bool is_forbidden(int number) noexcept {
    switch (number) {
        case SIGKILL:
        case SIGSTOP:
        case SIGSEGV:
        case SIGBUS:
        case SIGFPE:
        case SIGILL: return true;
        default: return number <= 0 || number >= NSIG;
    }
}

Result<> install_handler(int number) {
    static std::mutex mutex;
    static std::array<bool, NSIG> installed{};
    const std::lock_guard guard(mutex);
    if (installed[static_cast<std::size_t>(number)]) return {};
    struct sigaction action{};
    action.sa_handler = &on_signal;
    action.sa_flags = SA_RESTART;
    ::sigfillset(&action.sa_mask);
    if (::sigaction(number, &action, nullptr) != 0) return Error::from_os(errno);
    installed[static_cast<std::size_t>(number)] = true;
    return {};
}

Slot* take_slot(int number, int event_fd) noexcept {
    for (Slot& slot : slots) {
        int expected = -1;
        if (!slot.event_fd.compare_exchange_strong(expected, event_fd)) continue;
        slot.number.store(number);  // and with it, to a handler that reads it, the descriptor
        return &slot;
    }
    return nullptr;
}

}  // namespace

struct Signal::State {
    backend::WatchedFd watched;
    Slot* slot = nullptr;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (slot != nullptr) free_slot(*slot);
        // Not the thread's current lane: a Signal may be dropped outside the loop, and outlive its runtime.
        if (watched.lane != nullptr) watched.lane->remove(watched);
        if (watched.fd >= 0) ::close(watched.fd);
    }
};

Signal::Signal(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Signal::Signal(Signal&&) noexcept = default;
Signal& Signal::operator=(Signal&&) noexcept = default;
Signal::~Signal() = default;

Result<Signal> Signal::listen(int number) {
    if (is_forbidden(number)) return Errc::invalid_argument;
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    auto state = std::make_unique<State>();
    state->watched.fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (state->watched.fd < 0) return Error::from_os(errno);
    if (auto added = backend::current_slow_lane->add(state->watched); !added) return added.error();
    state->slot = take_slot(number, state->watched.fd);
    if (state->slot == nullptr) return Errc::full;
    if (auto handler = install_handler(number); !handler) return handler.error();
    return Signal(std::move(state));
}

Task<Result<>> Signal::recv() {
    SKERRY_ASSERT(state_->watched.reader == nullptr, "two tasks wait on one Signal");
    for (;;) {
        if (state_->watched.lane == nullptr) co_return Errc::runtime_shutdown;
        std::uint64_t count = 0;
        if (::read(state_->watched.fd, &count, sizeof count) == sizeof count) co_return Result<>();
        if (errno != EAGAIN && errno != EINTR) co_return Error::from_os(errno);
        state_->watched.readable = false;
        co_await backend::readable(state_->watched);
    }
}

namespace {

Task<Result<>> wait_for(int number) {
    auto signal = Signal::listen(number);
    if (!signal) co_return signal.error();
    auto received = co_await signal->recv();
    co_return received;
}

}  // namespace

Task<Result<>> ctrl_c() { return wait_for(SIGINT); }

Task<Result<>> terminate() { return wait_for(SIGTERM); }

}  // namespace skerry::signal
