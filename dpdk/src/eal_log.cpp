#include "eal_log.hpp"

#include <rte_log.h>

#include <atomic>
#include <mutex>
#include <string_view>
#include <utility>

namespace skerry::dpdk::eal_log {

namespace {

struct FirstError {
    std::mutex mutex;
    std::string text;
};

// Never destroyed: EAL's threads may log while the process ends.
FirstError& first() {
    static auto& instance = *new FirstError;
    return instance;
}

std::atomic<void (*)() noexcept> message_listener = nullptr;

// Called with the whole message, as the stream is not buffered; on whatever thread logs.
ssize_t take_message(void*, const char* data, std::size_t size) {
    if (const auto listener = message_listener.load(std::memory_order_acquire); listener != nullptr) listener();
    if (rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR)) {
        std::string_view text(data, size);
        text = text.substr(0, text.find_last_not_of(" \n") + 1);
        if (!text.empty()) {
            const std::lock_guard guard(first().mutex);
            if (first().text.empty()) first().text = text;
        }
    }
    return static_cast<ssize_t>(size);
}

}  // namespace

void capture() {
    cookie_io_functions_t functions{};
    functions.write = &take_message;
    std::FILE* const stream = ::fopencookie(nullptr, "w", functions);
    if (stream == nullptr) return;
    std::setvbuf(stream, nullptr, _IONBF, 0);
    rte_openlog_stream(stream);
}

void on_message(void (*listener)() noexcept) noexcept { message_listener.store(listener, std::memory_order_release); }

void forget() {
    const std::lock_guard guard(first().mutex);
    first().text.clear();
}

std::string first_error() {
    const std::lock_guard guard(first().mutex);
    return first().text;
}

std::string explain(std::string what) {
    const std::string error = first_error();
    return error.empty() ? what : what + ": " + error;
}

Hush::Hush() : out_(stdout), err_(stderr), nowhere_(std::fopen("/dev/null", "w")) {
    if (nowhere_ == nullptr) return;
    stdout = nowhere_;
    stderr = nowhere_;
}

Hush::~Hush() {
    if (nowhere_ == nullptr) return;
    stdout = out_;
    stderr = err_;
    std::fclose(nowhere_);
}

}  // namespace skerry::dpdk::eal_log
