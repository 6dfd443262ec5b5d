#include <skerry/stack/steering/steering.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/stack/random.hpp>

#include <mutex>

namespace skerry::stack {

Steering::Steering(const SteeringOptions& options)
    : options_(options),
      toeplitz_(Toeplitz::key_of(options.seed, options.rss_key)),
      flows_(options.flows_max, key_for(options.seed, SecretUse::flow_owners)),
      inboxes_(options.cores),
      hash_predicts_(options.hash_predicts && options.queues >= options.cores),
      crossing_is_news_(options.hash_predicts) {
    SKERRY_ASSERT(options.cores <= cores_max && options.queues >= 1, "no such number of cores and queues");
    for (std::size_t i = 0; i < std::size_t{options.cores} * options.cores; ++i)
        rings_.push_back(std::make_unique<FrameRing>(i % (options.cores + 1U) == 0 ? 1 : options.ring_frames));
    for (std::size_t core = 0; core < options.cores; ++core)
        wire_rings_.push_back(std::make_unique<FrameRing>(core < options.queues ? 1 : options.ring_frames));
}

// Pairs with the exchange in take_word() and with the compare-and-swap in arm(): either the bit is seen before the core
// sleeps, or it is seen here that it does.
void Steering::notify(std::uint16_t to, std::uint16_t from) noexcept {
    Inbox& inbox = inboxes_[to];
    if ((inbox.word.fetch_or(core_bit(from), std::memory_order_acq_rel) & asleep) == 0) return;
    const std::lock_guard guard(inbox.lock);
    if (inbox.wake != nullptr) inbox.wake(inbox.context);
}

}  // namespace skerry::stack
