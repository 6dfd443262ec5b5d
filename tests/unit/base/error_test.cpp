#include <skerry/base/error.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using skerry::Errc;
using skerry::Error;

std::vector<Errc> all_codes() {
    std::vector<Errc> codes;
    for (int i = 0; i <= static_cast<int>(Errc::io); ++i) codes.push_back(static_cast<Errc>(i));
    return codes;
}

}  // namespace

static_assert(std::is_trivially_copyable_v<Error>);
static_assert(Error() == Errc::ok);
static_assert(Error(Errc::io, 5) == Error(Errc::io, 6), "the errno is a detail for people");

TEST_CASE("an errno becomes the code that says the same on every backend", "[base][error]") {
    const std::pair<int, Errc> expected[] = {
        {0, Errc::ok},
        {ETIMEDOUT, Errc::timed_out},
        {ECANCELED, Errc::cancelled},
        {ECONNREFUSED, Errc::connection_refused},
        {ECONNRESET, Errc::connection_reset},
        {ECONNABORTED, Errc::connection_aborted},
        {ENOTCONN, Errc::not_connected},
        {EDESTADDRREQ, Errc::not_connected},
        {EPIPE, Errc::broken_pipe},
        {ESHUTDOWN, Errc::broken_pipe},
        {EADDRINUSE, Errc::address_in_use},
        {EADDRNOTAVAIL, Errc::address_not_available},
        {ENETUNREACH, Errc::unreachable},
        {EHOSTUNREACH, Errc::unreachable},
        {ENETDOWN, Errc::unreachable},
        {EINVAL, Errc::invalid_argument},
        {EBADF, Errc::invalid_argument},
        {ENOTSOCK, Errc::invalid_argument},
        {EISCONN, Errc::invalid_argument},
        {ENAMETOOLONG, Errc::invalid_argument},
        {ENOENT, Errc::not_found},
        {ENOTDIR, Errc::not_found},
        {ENODEV, Errc::not_found},
        {EACCES, Errc::permission_denied},
        {EPERM, Errc::permission_denied},
        {EROFS, Errc::permission_denied},
        {ENOSYS, Errc::unsupported},
        {EOPNOTSUPP, Errc::unsupported},
        {EAFNOSUPPORT, Errc::unsupported},
        {ENOPROTOOPT, Errc::unsupported},
        {EPROTONOSUPPORT, Errc::unsupported},
        {ENOBUFS, Errc::no_buffers},
        {EMFILE, Errc::no_descriptors},
        {ENFILE, Errc::no_descriptors},
        {ENOMEM, Errc::no_memory},
        {EMSGSIZE, Errc::message_too_long},
        {EAGAIN, Errc::would_block},
        {EWOULDBLOCK, Errc::would_block},
        {EINPROGRESS, Errc::would_block},
        {EALREADY, Errc::busy},
        {EBUSY, Errc::busy},
        {EIO, Errc::io},
        {ENOSPC, Errc::full},
        {EDQUOT, Errc::full},
        {EFBIG, Errc::full},
        {EEXIST, Errc::io},
        {99'999, Errc::io},
    };
    for (const auto& [number, code] : expected) {
        CAPTURE(number);
        CHECK(Error::from_os(number).code() == code);
        CHECK(Error::from_os(number).os_error() == number);
    }
}

TEST_CASE("a negative errno is a bug", "[base][error]") {
    CHECK(skerry::tests::aborts([] { static_cast<void>(Error::from_os(-ENOENT)); }));
}

TEST_CASE("every code has a name and words of its own", "[base][error]") {
    std::set<std::string> names;
    std::set<std::string> words;
    for (const Errc code : all_codes()) {
        names.emplace(to_string(code));
        words.insert(Error(code).message());
    }
    CHECK(names.size() == all_codes().size());
    CHECK(words.size() == all_codes().size());
    CHECK(to_string(Errc::address_not_available) == "address_not_available");
    CHECK(to_string(Errc::io) == "io");
}

TEST_CASE("a message has the words of the code, then the kernel's and its number", "[base][error]") {
    CHECK(Error(Errc::timed_out).message() == "timed out");
    const std::string message = Error::from_os(ECONNREFUSED).message();
    CHECK(message == "connection refused: " + std::system_category().message(ECONNREFUSED) + " (errno 111)");
}

TEST_CASE("as an error_code an Error is skerry's own, or the system's if the kernel reported it", "[base][error]") {
    const std::error_code ours = Error(Errc::closed);
    CHECK(ours.category() == skerry::error_category());
    CHECK(ours == Errc::closed);
    CHECK(ours.message() == Error(Errc::closed).message());
    CHECK(std::string(ours.category().name()) == "skerry");

    const std::error_code kernels = Error::from_os(ENOSPC);
    CHECK(kernels.category() == std::system_category());
    CHECK(kernels == std::errc::no_space_on_device);
    CHECK_FALSE(static_cast<bool>(std::error_code(Error())));
}

TEST_CASE("std::errc means the same for an error of ours and for the kernel's", "[base][error]") {
    const std::pair<int, std::errc> expected[] = {
        {ETIMEDOUT, std::errc::timed_out},
        {ECANCELED, std::errc::operation_canceled},
        {ECONNREFUSED, std::errc::connection_refused},
        {ECONNRESET, std::errc::connection_reset},
        {ECONNABORTED, std::errc::connection_aborted},
        {ENOTCONN, std::errc::not_connected},
        {EPIPE, std::errc::broken_pipe},
        {EADDRINUSE, std::errc::address_in_use},
        {EADDRNOTAVAIL, std::errc::address_not_available},
        {ENETUNREACH, std::errc::network_unreachable},
        {EINVAL, std::errc::invalid_argument},
        {ENOENT, std::errc::no_such_file_or_directory},
        {EACCES, std::errc::permission_denied},
        {EOPNOTSUPP, std::errc::operation_not_supported},
        {ENOBUFS, std::errc::no_buffer_space},
        {EMFILE, std::errc::too_many_files_open},
        {ENOMEM, std::errc::not_enough_memory},
        {EMSGSIZE, std::errc::message_size},
        {EAGAIN, std::errc::operation_would_block},
        {EBUSY, std::errc::device_or_resource_busy},
        {EIO, std::errc::io_error},
    };
    for (const auto& [number, condition] : expected) {
        CAPTURE(number);
        const Error error = Error::from_os(number);
        CHECK(std::error_code(error) == condition);
        CHECK(make_error_code(error.code()) == condition);
    }
}

TEST_CASE("codes that the standard has no word for are conditions of their own", "[base][error]") {
    for (const Errc code : {Errc::closed, Errc::runtime_shutdown, Errc::unexpected_eof, Errc::full}) {
        const std::error_condition condition = make_error_code(code).default_error_condition();
        CHECK(condition.category() == skerry::error_category());
        CHECK(condition.value() == static_cast<int>(code));
    }
}

TEST_CASE("a number that is no code has words all the same", "[base][error]") {
    CHECK(skerry::error_category().message(-1) == "unknown error");
    CHECK(skerry::error_category().message(60'000) == "unknown error");
    CHECK(to_string(static_cast<Errc>(60'000)) == "unknown");
}
