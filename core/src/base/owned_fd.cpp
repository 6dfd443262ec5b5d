#include <skerry/base/owned_fd.hpp>

#include <unistd.h>

namespace skerry {

// Not repeated on EINTR: on Linux the descriptor is gone whatever close() says.
OwnedFd::~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace skerry
