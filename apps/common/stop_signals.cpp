#include "stop_signals.hpp"

#include <skerry/task/select.hpp>

#include <csignal>
#include <utility>
#include <variant>

namespace skerry::apps {

Result<StopSignals> StopSignals::listen() {
    auto term = signal::Signal::listen(SIGTERM);
    if (!term) return term.error();
    auto interrupt = signal::Signal::listen(SIGINT);
    if (!interrupt) return interrupt.error();
    return StopSignals{std::move(*term), std::move(*interrupt)};
}

namespace {

Task<Result<>> first_of(Task<Result<>> by_term, Task<Result<>> by_interrupt) {
    auto first = co_await select(std::move(by_term), std::move(by_interrupt));
    co_return first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
}

}  // namespace

Task<Result<>> StopSignals::requested() { return first_of(term.recv(), interrupt.recv()); }

}  // namespace skerry::apps
