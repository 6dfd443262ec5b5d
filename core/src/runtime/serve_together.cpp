#include <skerry/runtime/serve_together.hpp>

#include <skerry/task/cancel.hpp>
#include <skerry/task/error_of.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>

#include <utility>
#include <variant>

namespace skerry::runtime {

namespace {

// Owns the part, so that it is aborted whenever nobody waits for it any more.
Task<Result<>> end_of(AbortAll<Result<>> part) {
    auto ended = co_await part.handles.front();
    if (!ended) co_return error_of(ended.error());
    co_return *ended;
}

Task<Result<>> watch(AbortAll<Result<>> parts, CancellationToken failed) {
    JoinSet<Result<>> ends;
    while (!parts.handles.empty()) {
        AbortAll<Result<>> part;
        part.handles.push_back(std::move(parts.handles.back()));
        parts.handles.pop_back();
        ends.spawn(end_of(std::move(part)));
    }
    while (auto ended = co_await ends.join_next()) {
        if (*ended && **ended) continue;
        failed.cancel();
        co_return *ended ? (**ended).error() : error_of(ended->error());
    }
    co_return Result<>();
}

}  // namespace

Task<Result<>> serve_together(Task<Result<>> here, AbortAll<Result<>> elsewhere) {
    CancellationToken failed;
    AbortAll<Result<>> watching;
    watching.handles.push_back(spawn(watch(std::move(elsewhere), failed)));
    auto event = co_await select_biased(failed.cancelled(), std::move(here));
    if (event.index() == 1 && !std::get<1>(event)) co_return std::get<1>(event).error();
    auto others = co_await watching.handles.front();
    if (!others) co_return error_of(others.error());
    co_return *others;
}

}  // namespace skerry::runtime
