#include <skerry/task/error_of.hpp>

#include <exception>
#include <new>

namespace skerry {

Error error_of(const JoinError& why) noexcept {
    if (why.is_cancelled()) return Errc::cancelled;
    try {
        why.rethrow();
    } catch (const std::bad_alloc&) {
        return Errc::no_memory;
    } catch (...) {
        return Errc::cancelled;
    }
}

}  // namespace skerry
