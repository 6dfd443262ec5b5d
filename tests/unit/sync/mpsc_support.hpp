#pragma once

// What the tests of mpsc share: small tasks that send, receive and wait.

#include "channel_support.hpp"

#include "support/catch.hpp"

#include <skerry/sync/mpsc.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>

#include <array>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

using namespace skerry;
using skerry::task::LocalScope;
using skerry::task::SharedScope;
using skerry::test_support::OneCore;
using skerry::test_support::TestCore;
using skerry::test_support::Tracked;
namespace mpsc = skerry::sync::mpsc;

namespace skerry::test_support {

using Numbers = std::vector<int>;

template <class Rx>
Task<Result<typename Rx::Value>> receive(Rx& rx) {
    co_return co_await rx.recv();
}

template <class Rx>
Task<> receive_all(Rx& rx, Numbers& out) {
    while (auto value = co_await rx.recv()) out.push_back(*value);
}

template <class Tx>
Task<Result<>> send(Tx tx, int value) {
    co_return co_await tx.send(value);
}

template <class Tx>
Task<> send_range(Tx tx, int first, int last) {
    for (int i = first; i != last; ++i) {
        const Result<> sent = co_await tx.send(i);
        if (!sent) co_return;
    }
}

template <class Scope>
Task<Result<mpsc::Permit<int, Scope>>> reserve(mpsc::Sender<int, Scope> tx, std::size_t count = 1) {
    co_return co_await tx.reserve_many(count);
}

template <class Tx>
Task<> wait_for_close(Tx tx, bool& closed) {
    co_await tx.closed();
    closed = true;
}

template <class Rx>
Numbers drain(Rx& rx) {
    Numbers out;
    while (auto value = rx.try_recv()) out.push_back(*value);
    return out;
}

inline Numbers range(int first, int last) {
    Numbers out(static_cast<std::size_t>(last - first));
    std::iota(out.begin(), out.end(), first);
    return out;
}

template <class T, class E>
const T& outcome(const Result<T, E>& result) {
    REQUIRE(result.has_value());
    return *result;
}

/// What a finished task gave; fails when it has not finished.
template <class T>
T join_now(TestCore& core, JoinHandle<T>& handle) {
    REQUIRE(handle.is_finished());
    auto result =
        core.run([](JoinHandle<T>& joined) -> Task<Result<T, JoinError>> { co_return co_await joined; }(handle));
    REQUIRE(result.has_value());
    REQUIRE(result->has_value());
    return std::move(**result);
}

}  // namespace skerry::test_support

using namespace skerry::test_support;

#define BOTH_SCOPES LocalScope, SharedScope
