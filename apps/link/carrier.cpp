#include "carrier.hpp"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace skerry::link {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr int burst = 64;  // so that what is due on the other way does not wait for ever

std::int64_t now_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

}  // namespace

Carrier::Carrier(Device left, Device right, const WayRules& forth, const WayRules& back)
    : left_(std::move(left)),
      right_(std::move(right)),
      directions_{Direction{left_, right_, Way(forth), {}}, Direction{right_, left_, Way(back), {}}} {}

DirectionCounts Carrier::Direction::total() const noexcept {
    DirectionCounts total = counts;
    static_cast<WayCounts&>(total) = way.counts();
    return total;
}

std::unique_ptr<Carrier::Buffer> Carrier::make_buffer() {
    if (free_.empty()) return std::make_unique<Buffer>();
    std::unique_ptr<Buffer> buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
}

int Carrier::take_from(Direction& direction) {
    for (int count = 0; count < burst; ++count) {
        std::unique_ptr<Buffer> buffer = make_buffer();
        buffer->length = direction.from.read(buffer->bytes);
        const bool is_frame = buffer->length != 0;
        const int error = is_frame ? 0 : errno;
        std::int64_t due_ns = 0;
        if (buffer->length > frame_bytes_max) {
            ++direction.counts.too_long;
        } else if (is_frame) {
            const Fate fate = direction.way.take(now_ns(), buffer->length, due_ns);
            if (fate == Fate::arrives || fate == Fate::arrives_late) {
                if (under_way_.size() < under_way_max) {
                    under_way_.push_back({due_ns, numbered_++, &direction, std::move(buffer)});
                    std::push_heap(under_way_.begin(), under_way_.end());
                    continue;
                }
                ++direction.counts.no_room;
            }
        }
        free_.push_back(std::move(buffer));
        if (!is_frame) return count == 0 ? error : 0;
    }
    return 0;
}

void Carrier::deliver() {
    while (!under_way_.empty()) {
        const std::int64_t late_ns = now_ns() - under_way_.front().due_ns;
        if (late_ns < 0) return;
        lateness_.record(static_cast<std::uint64_t>(late_ns));
        std::pop_heap(under_way_.begin(), under_way_.end());
        UnderWay next = std::move(under_way_.back());
        under_way_.pop_back();
        Direction& direction = *next.direction;
        if (direction.to.write(std::span(next.buffer->bytes).first(next.buffer->length)))
            ++direction.counts.arrived;
        else
            ++direction.counts.refused;
        free_.push_back(std::move(next.buffer));
    }
}

// For a frame, or for the time of the next one that is due; at most a tenth of a second, because a signal that comes
// just before the wait would not end it.
Result<void, DeviceError> Carrier::wait() {
    std::int64_t wait_ns = second_ns / 10;
    if (!under_way_.empty()) wait_ns = std::clamp<std::int64_t>(under_way_.front().due_ns - now_ns(), 0, wait_ns);
    const timespec wait{wait_ns / second_ns, wait_ns % second_ns};
    std::array<pollfd, 2> ready{pollfd{left_.fd(), POLLIN, 0}, pollfd{right_.fd(), POLLIN, 0}};
    if (::ppoll(ready.data(), ready.size(), &wait, nullptr) < 0) {
        if (errno == EINTR) return {};
        return Unexpected(DeviceError{std::string("cannot wait for the devices: ") + std::strerror(errno)});
    }
    for (std::size_t i = 0; i < ready.size(); ++i) {
        if (ready[i].revents == 0) continue;
        const int error = take_from(directions_[i]);
        // A deleted TAP is ready for ever; of a packet socket the error is told once, when its device goes down.
        if (error != 0 && (ready[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
            return Unexpected(directions_[i].from.gone(error));
    }
    return {};
}

Result<void, DeviceError> Carrier::run(const volatile std::sig_atomic_t& is_over) {
    while (is_over == 0) {
        if (auto waited = wait(); !waited) return waited;
        deliver();
    }
    return {};
}

}  // namespace skerry::link
