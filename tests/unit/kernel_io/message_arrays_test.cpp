// The slots that datagrams are received into, through batches of every size and a pool that runs out.

#include "support/catch.hpp"

#include "message_arrays.hpp"

#include <deque>
#include <random>
#include <set>
#include <vector>

namespace skerry::kernel_io {
namespace {

constexpr std::uint32_t payload_bytes = 64;

BufferPoolOptions pool_of(std::uint32_t buffers_max) {
    BufferPoolOptions options;
    options.payload_bytes = payload_bytes;
    options.buffers_max = buffers_max;
    return options;
}

/// Expects the first `ready` slots to be what the kernel may write to, and plays the kernel in `count` of them.
void receive(ReceiveArray& slots, std::size_t ready, std::size_t count, std::vector<backend::Datagram>& out) {
    std::set<const void*> buffers;
    for (std::size_t i = 0; i < ready; ++i) {
        msghdr& header = slots.headers()[i].msg_hdr;
        REQUIRE(header.msg_namelen == sizeof(sockaddr_storage));
        REQUIRE(header.msg_iovlen == 1);
        REQUIRE(header.msg_iov->iov_len == payload_bytes);
        REQUIRE(header.msg_iov->iov_base != nullptr);
        REQUIRE(buffers.insert(header.msg_iov->iov_base).second);
        if (i >= count) continue;
        static_cast<unsigned char*>(header.msg_iov->iov_base)[0] = static_cast<unsigned char>(i);
        header.msg_namelen = 0;
        slots.headers()[i].msg_len = static_cast<unsigned>(i + 1) % payload_bytes;
    }
    out.clear();
    out.resize(count);
    slots.take(count, out.data(), time::Instant{});
    for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(out[i].payload.size() == (i + 1) % payload_bytes);
        if (!out[i].payload.empty()) REQUIRE(out[i].payload.bytes()[0] == static_cast<std::byte>(i));
    }
}

TEST_CASE("slots are ready for batches of any size, and fewer of them when the pool is at its limit", "[kernel_io]") {
    std::mt19937 random(11);
    for (const std::uint32_t limit : {1U, 7U, 64U, 90U}) {
        BufferPool pool(pool_of(limit));
        ReceiveArray slots;
        std::deque<IoBuf> held;
        std::vector<backend::Datagram> batch;
        for (int round = 0; round < 3000; ++round) {
            const std::size_t wanted = 1 + random() % messages_max;
            const std::size_t ready = slots.prepare(wanted, pool);
            REQUIRE(ready <= wanted);
            if (ready < wanted) REQUIRE(pool.stats().live == limit);
            REQUIRE(slots.buffers() + held.size() == pool.stats().live);
            receive(slots, ready, random() % 3 == 0 ? ready : random() % (ready + 1), batch);
            for (backend::Datagram& datagram : batch) held.push_back(std::move(datagram.payload));
            for (std::size_t drop = random() % (held.size() + 1); drop > 0; --drop) held.pop_front();
        }
    }
}

}  // namespace
}  // namespace skerry::kernel_io
