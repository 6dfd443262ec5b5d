// --tcp: a profile of TCP, and single settings that differ from it.

#include <skerry/stack/options.hpp>
#include <skerry/stack/tcp/limit_options.hpp>
#include <skerry/stack/tcp/profile.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using stack::TcpLimits;
using stack::TcpProfile;

TcpLimits accepted(std::string_view text) {
    TcpLimits limits;
    const auto applied = stack::apply_tcp_options(text, limits);
    INFO(text << ": " << (applied ? "" : applied.error()));
    REQUIRE(applied);
    return limits;
}

std::string refusal(std::string_view text) {
    TcpLimits limits;
    const auto applied = stack::apply_tcp_options(text, limits);
    INFO(text);
    REQUIRE_FALSE(applied);
    return applied.error();
}

TcpLimits of(TcpProfile profile) {
    TcpLimits limits;
    stack::apply(profile, limits);
    return limits;
}

TEST_CASE("a profile is known by its name, and nothing is said by nothing", "[stack][options][tcp]") {
    CHECK(accepted("") == TcpLimits{});
    CHECK(accepted("linux") == of(TcpProfile::linux_like));
    CHECK(accepted("freebsd") == of(TcpProfile::freebsd));
    CHECK(accepted("lowlat") == of(TcpProfile::lowlat));
    CHECK_FALSE(stack::parse_tcp_profile("windows"));
    CHECK_FALSE(stack::parse_tcp_profile(""));
}

TEST_CASE("a peer of profile lowlat acknowledges before one times out", "[stack][options][tcp]") {
    const TcpLimits limits = of(TcpProfile::lowlat);
    CHECK(limits.rto_min == 5ms);
    CHECK(limits.delayed_ack + limits.tail_probe_slack < limits.rto_min);
    CHECK(of(TcpProfile::linux_like).rto_min == 200ms);
}

TEST_CASE("single settings differ from the profile before them", "[stack][options][tcp]") {
    TcpLimits expected = of(TcpProfile::lowlat);
    expected.rto_min = 2ms;
    expected.ecn = stack::Ecn::asks;
    expected.loss_detection = stack::LossDetection::rfc6675;
    expected.syn_cookies = stack::SynCookies::always;
    expected.congestion_control = backend::CongestionControl::reno;
    expected.proportional_rate = false;
    expected.receive_buffer_bytes = 8192;
    CHECK(accepted("lowlat,rto_min=2ms,ecn=asks,loss_detection=rfc6675,syn_cookies=always,congestion_control=reno,"
                   "proportional_rate=off,receive_buffer_bytes=8192") == expected);
    TcpLimits plain;
    plain.sack = false;
    plain.user_timeout = 20s;
    CHECK(accepted("sack=off,user_timeout=20s") == plain);
}

TEST_CASE("a first window of so many segments is that, however long they are", "[stack][options][tcp]") {
    const TcpLimits limits = accepted("initial_window_segments=40");
    CHECK(limits.initial_window_segments == 40);
    CHECK(limits.initial_window_bytes >= 40U * 1460U);
}

TEST_CASE("what is no setting of TCP is refused with what is", "[stack][options][tcp][error]") {
    struct Wrong {
        const char* text;
        const char* why;
    };
    for (const Wrong& wrong : {
             Wrong{"windows", "windows: neither a profile, linux, freebsd, lowlat, nor NAME=VALUE"},
             Wrong{"sack=off,linux", "linux: a profile stands before all else, and there is one"},
             Wrong{"linux,freebsd", "freebsd: a profile stands before all else, and there is one"},
             Wrong{"lowlat,", "something is missing behind the last comma"},
             Wrong{",", "something is missing behind the last comma"},
             Wrong{"sack=", "sack=: accepted: on, off"},
             Wrong{"sack=1", "sack=1: accepted: on, off"},
             Wrong{"linux,rto_min", "rto_min: the value is missing; accepted: 1ms to 1min"},
             Wrong{"rto_min=999us", "rto_min=999us: accepted: 1ms to 1min"},
             Wrong{"rto_min=2min", "rto_min=2min: accepted: 1ms to 1min"},
             Wrong{"rto_min=5", "rto_min=5: accepted: 1ms to 1min"},
             Wrong{"rto_min=10s,rto_max=5s", "rto_min is more than rto_max"},
             Wrong{"rto_initial=10s,rto_max=5s", "rto_initial is more than rto_max"},
             Wrong{"delayed_ack=500ms", "delayed_ack=500ms: accepted: 1ms to 499ms"},
             Wrong{"receive_buffer_bytes=4095", "receive_buffer_bytes=4095: accepted: 4096 to 8388608"},
             Wrong{"syn_retries=-1", "syn_retries=-1: accepted: 0 to 127"},
             Wrong{"syn_retries=128", "syn_retries=128: accepted: 0 to 127"},
             Wrong{"quick_acks=4294967297", "quick_acks=4294967297: accepted: 0 to 31"},
             Wrong{"ecn=on", "ecn=on: accepted: off, asks, when_asked"},
             Wrong{"congestion_control=bbr", "congestion_control=bbr: accepted: reno, cubic, fixed"},
         })
        CHECK(refusal(wrong.text) == wrong.why);
    CHECK_THAT(refusal("linux,nagel=on"),
               Catch::StartsWith("nagel=on: no such setting; accepted: receive_buffer_bytes, send_buffer_bytes, "));
}

TEST_CASE("a stack's options say what its TCP is like", "[stack][options][tcp]") {
    backend::Options options;
    options.ip = "198.18.0.2/24";
    options.tcp = "freebsd";
    stack::StackConfig config;
    REQUIRE(stack::apply(options, config));
    CHECK(config.tcp == of(TcpProfile::freebsd));
    options.tcp = "freebsd,ecn=yes";
    const auto applied = stack::apply(options, config);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().message == "--tcp=ecn=yes: accepted: off, asks, when_asked");
}

}  // namespace
}  // namespace skerry
