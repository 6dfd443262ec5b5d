#include <skerry/base/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace skerry {

void assertion_failed(const char* condition, const char* reason, std::source_location where) noexcept {
    std::fprintf(stderr, "%s:%u: %s (%s)\n", where.file_name(), static_cast<unsigned>(where.line()), reason, condition);
    std::abort();
}

}  // namespace skerry
