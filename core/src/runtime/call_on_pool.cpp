#include "call_on_pool.hpp"

#include <exception>
#include <new>
#include <system_error>

namespace skerry::runtime {

Error pool_failure(const JoinError& error) noexcept {
    if (error.is_cancelled()) return Errc::runtime_shutdown;
    try {
        error.rethrow();
    } catch (const std::bad_alloc&) {
        return Errc::no_memory;
    } catch (const std::system_error& thrown) {
        return Error::from_os(thrown.code().value());
    } catch (...) {
        return Errc::io;
    }
}

}  // namespace skerry::runtime
