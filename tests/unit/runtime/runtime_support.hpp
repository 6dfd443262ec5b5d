#pragma once

// What the cases of a runtime run.

#include "support/catch.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace skerry::tests {

inline runtime::Config config_of(runtime::Flavour flavour) {
    runtime::Config config;
    config.flavour = flavour;
    config.pin = false;
    return config;
}

inline runtime::Runtime make(runtime::Flavour flavour) {
    auto built = runtime::Builder(config_of(flavour)).build();
    REQUIRE(built.has_value());
    return std::move(*built);
}

inline Task<int> give(int value) {
    co_await yield_now();
    co_return value;
}

inline Task<int> fail() {
    co_await yield_now();
    throw std::runtime_error("on purpose");
}

/// Lives until its frame is destroyed.
struct Alive {
    explicit Alive(std::atomic<int>* count) : count_(count) { ++*count_; }
    Alive(Alive&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Alive& operator=(Alive&&) = delete;
    ~Alive() {
        if (count_ != nullptr) --*count_;
    }

private:
    std::atomic<int>* count_;
};

inline Task<> wait_for_ever(Alive) {
    for (;;) co_await time::sleep(std::chrono::hours{1});
}

}  // namespace skerry::tests
