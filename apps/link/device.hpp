#pragma once

// An end of the link: a network device of the kernel, in this network namespace or another.

#include <skerry/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace skerry::link {

enum class DeviceKind : std::uint8_t {
    tap,     ///< we are what the device leads to: the kernel's stack is at the other end
    packet,  ///< a packet socket on it: whoever the device leads to, another program with a TAP, is at the other end
};

struct DeviceName {
    DeviceKind kind = DeviceKind::tap;
    std::string device;
    std::string network;  ///< the file of a namespace, as /proc/7/ns/net; empty: ours
};

struct DeviceError {
    std::string message;  ///< one line
};

/// Threads: one.
class Device {
public:
    /// Opens it in its namespace; the thread comes back to its own.
    ///
    /// Errors: there is no such device or namespace, or we may not.
    [[nodiscard]] static Result<Device, DeviceError> open(const DeviceName& name);

    Device(Device&& other) noexcept;
    Device& operator=(Device&&) = delete;
    ~Device();

    [[nodiscard]] int fd() const noexcept { return fd_; }

    /// The bytes of the next frame; 0, with errno, when there is none. One that fills all of `into` may have been
    /// longer.
    [[nodiscard]] std::size_t read(std::span<std::byte> into) noexcept;
    /// False: it was not taken.
    [[nodiscard]] bool write(std::span<const std::byte> frame) noexcept;

    /// The line about a device whose wait has told an error and whose read has brought nothing but `error`, an errno.
    [[nodiscard]] DeviceError gone(int error) const;

private:
    Device(int fd, std::string name) noexcept : fd_(fd), name_(std::move(name)) {}

    int fd_;
    std::string name_;
};

}  // namespace skerry::link
