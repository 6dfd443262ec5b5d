#include "receive_buffers.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <new>
#include <numeric>

namespace skerry::kernel_io::uring {

namespace {

constexpr std::size_t shared_bytes = ReceiveBuffers::slots * sizeof(io_uring_buf);

BufferPoolOptions pool_options(std::uint16_t home, std::uint32_t payload_bytes, std::uint32_t buffers) noexcept {
    BufferPoolOptions options;
    options.home = home;
    options.payload_bytes = payload_bytes;
    options.buffers_max = buffers;
    return options;
}

}  // namespace

void ReceiveBuffers::Unmap::operator()(io_uring_buf_ring* shared) const noexcept { ::munmap(shared, shared_bytes); }

ReceiveBuffers::ReceiveBuffers(std::uint16_t home)
    : pool_(pool_options(home, header_room + payload_bytes, pool_buffers)) {
    std::iota(empty_.begin(), empty_.end(), std::uint16_t{0});
    want(given_min);
}

Result<> ReceiveBuffers::provide(Ring& ring) noexcept {
    void* const memory = ::mmap(nullptr, shared_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED) return last_error();
    shared_.reset(static_cast<io_uring_buf_ring*>(memory));
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    registration.ring_entries = slots;
    registration.bgid = group;
    if (const int answer = ::io_uring_register_buf_ring(&ring.raw(), &registration, 0); answer != 0)
        return Error::from_os(-answer);
    ::io_uring_buf_ring_init(shared_.get());
    refill();
    return {};
}

void ReceiveBuffers::withdraw(Ring& ring) noexcept { (void)::io_uring_unregister_buf_ring(&ring.raw(), group); }

void ReceiveBuffers::widen(unsigned waiting) noexcept {
    if (come_in_bulk() && waiting <= 1) return;
    were_too_few_ = true;
    if (!pool_.make_free()) return;
    want(std::min(slots, 2 * given_wanted()));
    refill_some();
}

void ReceiveBuffers::narrow() noexcept {
    const bool would_less_do = !were_too_few_ && (come_in_bulk() || 2 * most_taken_ < given_wanted());
    const unsigned least = come_in_bulk() ? given_min_bulk : given_min;
    if (would_less_do) want(std::max(least, given_wanted() / 2));
    most_taken_ = refills_ = 0;
    were_too_few_ = false;
    taken_ /= 2;
    taken_bytes_ /= 2;
}

void ReceiveBuffers::refill_some() noexcept {
    if (empty_count_ > empty_wanted_) most_taken_ = std::max(most_taken_, empty_count_ - empty_wanted_);
    if (++refills_ == refills_between_looks) [[unlikely]]
        narrow();
    io_uring_buf_ring* const shared = shared_.get();
    unsigned left = empty_count_;
    int added = 0;
    for (; left > empty_wanted_ && pool_.make_free(); ++added) {
        pool_.fetch_free(fetched_ahead);
        const std::uint16_t slot = empty_[--left];
        IoBuf* const buffer = ::new (&buffers_[slot]) IoBuf(pool_.take_free());  // in place of one that holds nothing
        ::io_uring_buf_ring_add(shared, const_cast<std::byte*>(buffer->data()), header_room + payload_bytes, slot,
                                slots - 1, added);
    }
    empty_count_ = left;
    if (added != 0) ::io_uring_buf_ring_advance(shared, added);
}

}  // namespace skerry::kernel_io::uring
