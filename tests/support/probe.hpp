#pragma once

// An object that counts those of its kind that live.

namespace skerry::test_support {

/// Counts itself, so that a test sees what was destroyed and when.
struct Probe {
    explicit Probe(int* alive) : alive_(alive) { ++*alive_; }
    Probe(Probe&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    ~Probe() { --*alive_; }

private:
    int* alive_;
};

}  // namespace skerry::test_support
