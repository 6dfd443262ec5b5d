// A program outside the tree that calls into the compiled library.

#include <skerry/base/error.hpp>
#include <skerry/base/result.hpp>
#include <skerry/version.hpp>

#include <cstdio>

int main() {
    const skerry::Result<int> result = skerry::Errc::closed;
    std::printf("skerry %s: %s\n", SKERRY_VERSION, result.error().message().c_str());
    return result.error() == skerry::Errc::closed ? 0 : 1;
}
