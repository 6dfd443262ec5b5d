#pragma once

// What channels and locks are made to do, so many times; see task_bodies.hpp. A second party runs on core `where`.

#include "timed.hpp"

#include <skerry/runtime/handle.hpp>
#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/mutex.hpp>
#include <skerry/sync/oneshot.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace skerry::bench {

using Value = std::uint64_t;

// --- messages

template <class Sender>
Task<> produce(Sender sender, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto sent = co_await sender.send(i);
        if (!sent) co_return;
    }
}

template <class Sender>
Task<> produce_unbounded(Sender sender, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        (void)sender.send(i);
        if (i % 256 == 255) co_await yield_now();
    }
}

template <class Receiver>
Task<> consume(Receiver receiver) {
    for (;;) {
        auto value = co_await receiver.recv();
        if (!value) co_return;
        keep(*value);
    }
}

template <class Receiver>
Task<> consume_many(Receiver receiver) {
    std::array<Value, 64> values;
    for (;;) {
        auto count = co_await receiver.recv_many(values);
        if (!count) co_return;
        for (std::size_t i = 0; i < *count; ++i) keep(values[i]);
    }
}

enum class Take : bool { one, many };

/// `count` messages from `producers` tasks to this one.
template <class Scope, Take How = Take::one>
Task<> bounded(std::size_t count, std::size_t capacity, std::size_t producers, task::CoreId where) {
    auto ends = sync::mpsc::channel<Value, Scope>(capacity);
    for (std::size_t i = 0; i < producers; ++i) spawn_on(where, produce(ends.first, count / producers)).detach();
    {
        auto last = std::move(ends.first);
    }
    if constexpr (How == Take::one)
        co_await consume(std::move(ends.second));
    else
        co_await consume_many(std::move(ends.second));
}

template <class Scope>
Task<> unbounded(std::size_t count, std::size_t producers, task::CoreId where) {
    auto ends = sync::mpsc::unbounded<Value, Scope>();
    for (std::size_t i = 0; i < producers; ++i)
        spawn_on(where, produce_unbounded(ends.first, count / producers)).detach();
    {
        auto last = std::move(ends.first);
    }
    co_await consume(std::move(ends.second));
}

// --- requests and answers

template <class Receiver, class Sender>
Task<> echo(Receiver requests, Sender answers) {
    for (;;) {
        auto value = co_await requests.recv();
        if (!value) co_return;
        auto sent = co_await answers.send(*value);
        if (!sent) co_return;
    }
}

/// Requests over one channel, each answered over another.
template <class Scope>
Task<> ping_pong(std::size_t count, task::CoreId where) {
    auto there = sync::mpsc::channel<Value, Scope>(1);
    auto back = sync::mpsc::channel<Value, Scope>(1);
    auto server = spawn_on(where, echo(std::move(there.second), std::move(back.first)));
    {
        auto requests = std::move(there.first);
        for (std::size_t i = 0; i < count; ++i) {
            auto sent = co_await requests.send(i);
            keep(sent.has_value());
            auto value = co_await back.second.recv();
            keep(*value);
        }
    }
    (void)co_await server;
}

template <class Scope>
struct Question {
    Value value;
    sync::oneshot::Sender<Value, Scope> reply;
};

template <class Scope>
Task<> answer_questions(sync::mpsc::Receiver<Question<Scope>, Scope> questions) {
    for (;;) {
        auto question = co_await questions.recv();
        if (!question) co_return;
        (void)question->reply.send(question->value + 1);
    }
}

/// Requests over a channel, each with a oneshot for its answer.
template <class Scope>
Task<> questions(std::size_t count) {
    auto ends = sync::mpsc::channel<Question<Scope>, Scope>(8);
    auto server = spawn(answer_questions<Scope>(std::move(ends.second)));
    {
        auto ask = std::move(ends.first);
        for (std::size_t i = 0; i < count; ++i) {
            auto reply = sync::oneshot::channel<Value, Scope>();
            Question<Scope> question{i, std::move(reply.first)};
            (void)co_await ask.send(std::move(question));
            auto value = co_await reply.second;
            keep(*value);
        }
    }
    (void)co_await server;
}

inline Task<> answer_one(sync::oneshot::Receiver<Value> question, sync::oneshot::Sender<Value> reply) {
    auto value = co_await question.recv();
    (void)reply.send(*value);
}

/// A task for each request, a oneshot there and one back.
inline Task<> oneshot_round_trips(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto there = sync::oneshot::channel<Value>();
        auto back = sync::oneshot::channel<Value>();
        spawn(answer_one(std::move(there.second), std::move(back.first))).detach();
        (void)there.first.send(1);
        auto value = co_await back.second.recv();
        keep(*value);
    }
}

/// A channel is made, used and gone, its value there before anybody waits.
template <class Scope>
Task<> oneshots(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        auto ends = sync::oneshot::channel<Value, Scope>();
        (void)ends.first.send(i);
        auto value = co_await ends.second;
        keep(*value);
    }
}

// --- locks

template <class Scope>
Task<> lock_alone(std::size_t count) {
    sync::BasicMutex<std::size_t, Scope> mutex(0);
    for (std::size_t i = 0; i < count; ++i) {
        auto guard = co_await mutex.lock();
        ++*guard;
    }
}

enum class Hold : bool { briefly, over_a_yield };

template <class Scope>
Task<> lock_times(sync::BasicMutex<std::size_t, Scope>* mutex, std::size_t count, Hold hold) {
    for (std::size_t i = 0; i < count; ++i) {
        auto guard = co_await mutex->lock();
        ++*guard;
        if (hold == Hold::over_a_yield) co_await yield_now();
    }
}

/// `tasks` tasks, dealt out to `cores` cores, take one mutex.
template <class Scope>
Task<> lock_together(std::size_t count, std::size_t tasks, Hold hold, std::size_t cores) {
    sync::BasicMutex<std::size_t, Scope> mutex(0);
    std::vector<JoinHandle<void>> handles;
    for (std::size_t i = 0; i < tasks; ++i)
        handles.push_back(spawn_on(task::CoreId(static_cast<std::uint16_t>(i % cores)),
                                   lock_times<Scope>(&mutex, count / tasks, hold)));
    for (auto& handle : handles) (void)co_await handle;
    auto guard = co_await mutex.lock();
    if (*guard != count / tasks * tasks) std::abort();
}

}  // namespace skerry::bench
