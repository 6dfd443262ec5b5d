#include "common/options.hpp"

#include "common/report.hpp"
#include "common/start_line.hpp"

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include <CLI/CLI.hpp>

namespace skerry {
namespace {

using apps::Options;
using apps::parse_options;
using apps::Stop;
using tests::TempTree;
using namespace std::chrono_literals;

const apps::Program echo{"skerry-echo", "Sends back what it gets.", {"epoll"}, true};

/// What a program of its own adds in these tests.
struct OwnOptions {
    int conns = 1;
    unsigned size = 64;
    bool quiet = false;
    std::string proto = "tcp";

    void add(CLI::App& app) {
        app.add_option("--conns", conns, "connections")->check(CLI::Range(1, 100));
        app.add_option("--size", size, "bytes");
        app.add_flag("--quiet", quiet, "no output");
        app.add_option("--proto", proto, "protocol")->check(CLI::IsMember({"tcp", "udp"}));
    }
};

Result<Options, Stop> parse(std::vector<std::string> arguments, OwnOptions* own = nullptr) {
    OwnOptions unused;
    OwnOptions& target = own != nullptr ? *own : unused;
    return parse_options(echo, arguments, [&target](CLI::App& app) { target.add(app); });
}

Options accepted(std::vector<std::string> arguments) {
    auto options = parse(std::move(arguments));
    INFO((options ? std::string() : options.error().text));
    REQUIRE(options);
    return *std::move(options);
}

/// The line of a usage error; every one is a single line under the program's name.
std::string refusal(std::vector<std::string> arguments) {
    const auto options = parse(std::move(arguments));
    if (options) return "accepted";
    CHECK(options.error().exit_code == 2);
    CHECK(options.error().text.find('\n') == std::string::npos);
    CHECK_THAT(options.error().text, Catch::StartsWith("skerry-echo: "));
    return options.error().text.substr(std::string("skerry-echo: ").size());
}

TEST_CASE("without arguments everything has its default", "[apps][options]") {
    const Options options = accepted({});

    CHECK(options.runtime.backend == "auto");
    CHECK(options.runtime.flavour == runtime::Flavour::per_core);
    CHECK_FALSE(options.runtime.cores);
    CHECK_FALSE(options.runtime.idle);
    CHECK(options.runtime.grace == 5s);
    CHECK(options.listen.empty());
    CHECK(options.json_file.empty());
}

TEST_CASE("every shared option arrives in the configuration", "[apps][options]") {
    const Options options =
        accepted({"--backend=tap:tap0", "--flavour=current_thread", "--cores=0,2-3", "--idle=adaptive", "--grace=100ms",
                  "--dpdk=vdev=net_memif0,role=server,id=0", "--ip=198.18.0.2/24", "--ip6=2001:db8::2/64",
                  "--gateway=198.18.0.1", "--listen=127.0.0.1:7001", "--json=out.json", "--capture=run.pcapng",
                  "--capture-snap=96", "--capture-limit=64M", "--vlan=4094", "--tcp=lowlat,ecn=asks",
                  "--route=10.0.0.0/8,2001:db8:1::/48:fe80::1", "--route=198.51.100.0/24:198.18.0.1"});

    CHECK(options.runtime.backend == "tap:tap0");
    CHECK(options.runtime.flavour == runtime::Flavour::current_thread);
    CHECK(options.runtime.cores->to_string() == "0,2,3");
    CHECK(options.runtime.idle == runtime::IdlePolicy::adaptive);
    CHECK(options.runtime.grace == 100ms);
    CHECK(options.runtime.dpdk == "vdev=net_memif0,role=server,id=0");
    CHECK(options.runtime.ip == "198.18.0.2/24");
    CHECK(options.runtime.ip6 == "2001:db8::2/64");
    CHECK(options.runtime.gateway == "198.18.0.1");
    CHECK(options.runtime.vlan == 4094);
    CHECK(options.runtime.tcp == "lowlat,ecn=asks");
    CHECK(options.runtime.routes == "10.0.0.0/8,2001:db8:1::/48:fe80::1,198.51.100.0/24:198.18.0.1");
    REQUIRE(options.listen.size() == 1);
    CHECK(options.listen[0].text == "127.0.0.1:7001");
    CHECK(options.json_file == "out.json");
    CHECK(options.runtime.capture.file == "run.pcapng");
    CHECK(options.runtime.capture.snap_bytes == 96);
    CHECK(options.runtime.capture.bytes_max == std::uint64_t{64} << 20U);
}

TEST_CASE("a value may stand in the next argument", "[apps][options]") {
    CHECK(accepted({"--backend", "epoll", "--grace", "2s"}).runtime.backend == "epoll");
}

TEST_CASE("argv is read without the program's name", "[apps][options]") {
    const char* argv[] = {"skerry-echo", "--backend=epoll", nullptr};
    const auto options = parse_options(echo, 2, argv);

    REQUIRE(options);
    CHECK(options->runtime.backend == "epoll");
    CHECK(parse_options(echo, 0, argv + 2).has_value());
}

TEST_CASE("cores=auto is no list of cores", "[apps][options]") {
    CHECK_FALSE(accepted({"--cores=auto"}).runtime.cores);
}

TEST_CASE("every backend of the design is accepted by its name", "[apps][options]") {
    const std::string name = GENERATE("auto", "dpdk", "io_uring", "epoll", "tap:tap0", "tap:a-name-of-15-ch,tso=on",
                                      "xdp:veth-a", "tap:tap0,tso=on+tap1");

    CHECK(accepted({"--backend=" + name}).runtime.backend == name);
}

TEST_CASE("what only our own stack takes is refused with a named driver of the kernel", "[apps][options][error]") {
    const std::string option = GENERATE("--ip=198.18.0.2/24", "--ip6=auto", "--gateway=198.18.0.1",
                                        "--route=10.0.0.0/8", "--tcp=lowlat", "--vlan=7", "--dpdk=vdev=net_null0");
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"epoll\"\n");
    const std::string said = option.substr(0, option.find('=')) + ": of no use with --backend=epoll, ";

    CHECK_THAT(refusal({"--backend=epoll", option}), Catch::StartsWith(said));
    CHECK_THAT(refusal({"--config=" + file, option}), Catch::StartsWith(said));
    CHECK(refusal({option}) == "accepted");
    CHECK(refusal({"--backend=auto", option}) == "accepted");
    CHECK(refusal({"--backend=dpdk", option}) == "accepted");
    CHECK(refusal({"--backend=io_uring", option}) == "accepted");  // it is not built in: the builder says so
}

TEST_CASE("a file with an address is of use to a driver that the command line names", "[apps][options][config]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"dpdk\"\nip = \"198.18.0.2/24\"\n");
    const std::string both = tree.write("both.toml", "backend = \"epoll\"\nip = \"198.18.0.2/24\"\n");

    CHECK(refusal({"--config=" + file, "--backend=epoll"}) == "accepted");
    CHECK_THAT(refusal({"--config=" + both}), Catch::StartsWith("--ip: of no use with --backend=epoll"));
}

TEST_CASE("a bad backend is refused with the accepted ones", "[apps][options][error]") {
    CHECK(refusal({"--backend=foo"}) ==
          "--backend=foo: no such backend; accepted: auto, dpdk, io_uring, epoll, tap:IF, xdp:IF");
    CHECK(refusal({"--backend=tap"}) == "--backend=tap: the interface is missing; write tap:IF");
    CHECK_THAT(refusal({"--backend=xdp:"}),
               Catch::StartsWith("--backend=xdp:: not an interface name; accepted: xdp:IF"));
    CHECK_THAT(refusal({"--backend=tap:a-name-of-16-ch"}), Catch::StartsWith("accepted"));
    CHECK_THAT(refusal({"--backend=tap:a-name-of-16-chr"}), Catch::Contains("1 to 15 characters"));
}

TEST_CASE("a program on frames alone offers and takes no other backend than its own", "[apps][options][error]") {
    const apps::Program forward{
        .name = "forward", .summary = "Forwards.", .backends = {"dpdk"}, .takes_any_backend = false};
    const auto text = [&forward](const std::string& argument) {
        const std::vector<std::string> arguments{argument};
        const auto options = parse_options(forward, arguments);
        return options ? options->runtime.backend : options.error().text;
    };
    CHECK(text("--backend=auto") == "auto");
    CHECK(text("--backend=dpdk") == "dpdk");
    CHECK(text("--backend=epoll") == "forward: --backend=epoll: forward does not run on it; accepted: auto, dpdk");
    CHECK_THAT(text("--help"), Catch::Contains("auto, dpdk; default auto") && !Catch::Contains("epoll"));
}

TEST_CASE("a server may be asked for the IPv4 address", "[apps][options]") {
    CHECK(accepted({"--ip=dhcp"}).runtime.ip == "dhcp");
}

TEST_CASE("a port may have several IPv4 addresses, with commas between them", "[apps][options]") {
    CHECK(accepted({"--ip=198.18.0.2/24,203.0.113.2/28"}).runtime.ip == "198.18.0.2/24,203.0.113.2/28");
    const std::string ports = "198.18.0.2/24,198.18.0.3/24+198.18.0.2/24+dhcp";
    CHECK(accepted({"--ip=" + ports}).runtime.ip == ports);
    CHECK(refusal({"--ip=198.18.0.2/24,203.0.113.2/28,198.18.0.2/16"}) ==
          "--ip=198.18.0.2/24,203.0.113.2/28,198.18.0.2/16: 198.18.0.2 is named twice; write each address once");
    CHECK(refusal({"--ip=198.18.0.2/24,dhcp"}) ==
          "--ip=198.18.0.2/24,dhcp: dhcp is of no use beside other addresses: a server gives one; write it alone");
    CHECK_THAT(refusal({"--ip=dhcp,198.18.0.2/24"}), Catch::Contains("dhcp is of no use beside other addresses"));
    CHECK_THAT(refusal({"--ip=198.18.0.2/24,"}), Catch::StartsWith("--ip=198.18.0.2/24,: not an address"));
    CHECK_THAT(refusal({"--ip=198.18.0.2/24,198.18.0.3/33"}), Catch::Contains("no such prefix length"));
    std::string eight = "198.18.0.1/24";
    for (int i = 2; i <= 8; ++i) eight += ",198.18.0." + std::to_string(i) + "/24";
    CHECK(accepted({"--ip=" + eight}).runtime.ip == eight);
    CHECK_THAT(refusal({"--ip=" + eight + ",198.18.0.9/24"}),
               Catch::EndsWith(": 9 addresses; accepted: at most 8 a port"));
}

TEST_CASE("what is said of several ports has plus signs between them", "[apps][options]") {
    const Options options = accepted({"--backend=tap:tap0+tap1", "--ip=198.18.0.2/24+dhcp", "--ip6=+auto",
                                      "--gateway=198.18.0.1,fe80::1+", "--route=10.0.0.0/8,10.9.0.0/16:198.18.0.1+"});
    CHECK(options.runtime.ip == "198.18.0.2/24+dhcp");
    CHECK(options.runtime.ip6 == "+auto");
    CHECK(options.runtime.gateway == "198.18.0.1,fe80::1+");
    CHECK(options.runtime.routes == "10.0.0.0/8,10.9.0.0/16:198.18.0.1+");
    CHECK_THAT(refusal({"--ip=198.18.0.2/24+x"}), Catch::StartsWith("--ip=198.18.0.2/24+x: not an address"));
    CHECK_THAT(refusal({"--gateway=198.18.0.1+x"}), Catch::Contains("not an address; accepted"));
    CHECK_THAT(refusal({"--backend=tap:tap0+"}), Catch::Contains("not an interface name"));
    CHECK(refusal({"--route=10.0.0.0/8+", "--route=10.1.0.0/16"}) ==
          "--route=10.0.0.0/8+: of several ports, so write all routes in one --route");
}

TEST_CASE("bad values are refused with what is accepted", "[apps][options][error]") {
    CHECK(refusal({"--cores=0,x"}) ==
          "--cores=0,x: CPU list \"0,x\": \"x\" is not a CPU number; write for example 0,2-4, or auto");
    CHECK(refusal({"--idle=doze"}) == "--idle=doze: no such idle policy; accepted: spin, adaptive, sleep");
    CHECK(refusal({"--flavour=x"}) == "--flavour=x: no such flavour; accepted: current_thread, per_core");
    CHECK(refusal({"--ip=198.18.0.2"}) ==
          "--ip=198.18.0.2: not an address with a prefix length; accepted: for example 198.18.0.2/24, several with "
          "commas, or dhcp");
    CHECK(refusal({"--ip=198.18.0.2/33"}) == "--ip=198.18.0.2/33: no such prefix length; accepted: /0 to /32");
    CHECK_THAT(refusal({"--ip=2001:db8::2/64"}), Catch::StartsWith("--ip=2001:db8::2/64: not an address"));
    for (const char* const bad : {"0", "4095", "x", "-1", "7x"})
        CHECK(refusal({std::string("--vlan=") + bad}) ==
              std::string("--vlan=") + bad + ": not the number of a VLAN; accepted: 1 to 4094");
    CHECK_THAT(refusal({"--ip6=198.18.0.2/24"}),
               Catch::EndsWith("for example 2001:db8::2/64, several with commas, or auto"));
    CHECK_THAT(refusal({"--ip6=2001:db8::2/64,2001:db8:0::2/48"}),
               Catch::EndsWith("2001:db8::2 is named twice; write each address once"));
    CHECK_THAT(refusal({"--ip6=2001:db8::2/64,auto"}), Catch::Contains("auto is of no use beside other addresses"));
    CHECK_THAT(refusal({"--tcp=lowlat,ecn=yes"}), Catch::EndsWith("ecn=yes: accepted: off, asks, when_asked"));
    for (const char* const bad : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/8:", "10.0.0.0/8:router", "2001:db8::/129",
                                  "10.0.0.0/8,", "10.0.0.0/8 10.0.0.0/9"})
        CHECK(refusal({std::string("--route=") + bad}) ==
              std::string("--route=") + bad +
                  ": not a network and its router; accepted: for example 198.51.100.0/24:198.18.0.1, or 10.0.0.0/8 for "
                  "hosts on the link");
    CHECK(refusal({"--gateway=router"}) ==
          "--gateway=router: not an address; accepted: for example 198.18.0.1 or 2001:db8::1, or both with a comma");
}

TEST_CASE("a capture's limits are bytes, and of no use alone", "[apps][options][error]") {
    CHECK(refusal({"--capture-snap=96"}) == "--capture-snap: of no use without --capture");
    CHECK(refusal({"--capture=x", "--capture-limit=64X"}) ==
          "--capture-limit=64X: not a number of bytes; accepted: for example 4096, 64K, 16M or 2G");
    for (const char* const bad : {"0", "K", "-1", "1.5M", "99999999999G"})
        CHECK_THAT(refusal({"--capture=x", std::string("--capture-limit=") + bad}), Catch::Contains("not a number"));
    CHECK(accepted({"--capture=x", "--capture-snap=1G"}).runtime.capture.snap_bytes == 65'535);
}

TEST_CASE("an unknown option is refused with the known ones", "[apps][options][error]") {
    const std::string line = refusal({"--bakend=epoll"});

    CHECK_THAT(line, Catch::StartsWith("--bakend: unknown option; accepted: "));
    CHECK_THAT(line, Catch::Contains("--backend, "));
    CHECK_THAT(line, Catch::Contains("--conns, "));
    CHECK_THAT(refusal({"epoll", "other"}), Catch::StartsWith("epoll: not an option; accepted: "));
    CHECK_THAT(refusal({"--listen", "0.0.0.0:0", "stray"}), Catch::StartsWith("stray: not an option; "));
    CHECK_THAT(refusal({"-x"}), Catch::StartsWith("-x: unknown option; "));
    CHECK_THAT(refusal({"--", "stray"}), Catch::StartsWith("stray: not an option; "));
}

TEST_CASE("a missing value is not taken from the next option", "[apps][options][error]") {
    CHECK(refusal({"--cores=", "--idle=spin"}) == "--cores=: the value is missing");
    CHECK(refusal({"--cores"}) == "--cores: the value is missing; write --cores=LIST");
    CHECK(refusal({"--backend", "--idle=spin"}) == "--backend: the value is missing; write --backend=NAME");
    CHECK(refusal({"--json", "--idle=spin"}) == "--json: the value is missing; write --json=FILE");
    CHECK(refusal({"--idle=spin", "--json", "--quiet"}) == "--json: the value is missing; write --json=FILE");
    CHECK(accepted({"--dpdk", "--no-huge"}).runtime.dpdk == "--no-huge");
}

TEST_CASE("an empty value is a missing one", "[apps][options][error]") {
    CHECK(refusal({"--json", ""}) == "--json: the value is missing; write --json=FILE");
    CHECK(refusal({"--config", ""}) == "--config: the value is missing; write --config=FILE");
    TempTree tree;
    const std::string file = tree.write("echo.toml", "json = \"\"\n");
    CHECK(refusal({"--config=" + file}) == file + ":1: json: the value is missing");
}

TEST_CASE("a switch takes true, false or nothing", "[apps][options][error]") {
    OwnOptions own;
    REQUIRE(parse({"--quiet=true"}, &own));
    CHECK(own.quiet);
    REQUIRE(parse({"--quiet=false"}, &own));
    CHECK_FALSE(own.quiet);
    CHECK(refusal({"--quiet=banana"}) == "--quiet=banana: not a value of a switch; accepted: true, false, or no value");
    CHECK(refusal({"--quiet=2"}) == "--quiet=2: not a value of a switch; accepted: true, false, or no value");
    CHECK(refusal({"--version=0"}) == "--version=0: takes no value; write --version");
    TempTree tree;
    const std::string value = GENERATE("5", "\"x\"", "[true, false]", "0.5");
    const std::string file = tree.write("echo.toml", "quiet = " + value + "\n");
    CHECK(refusal({"--config=" + file}) == file + ":1: quiet: true or false is accepted");
}

TEST_CASE("an option that is given twice is refused", "[apps][options][error]") {
    CHECK(refusal({"--grace=1s", "--grace=2s"}) == "--grace: given 2 times; accepted once");
    CHECK(refusal({"--json=a", "--json=b"}) == "--json: given 2 times; accepted once");
}

TEST_CASE("listen may be repeated and keeps its order", "[apps][options]") {
    const Options options = accepted({"--listen=[::1]:7001", "--listen", "0.0.0.0:0"});

    REQUIRE(options.listen.size() == 2);
    CHECK(options.listen[0].host == "::1");
    CHECK(options.listen[0].port == 7001);
    CHECK(options.listen[1].host == "0.0.0.0");
    CHECK(options.listen[1].port == 0);
}

TEST_CASE("a program that does not listen has no such option", "[apps][options][error]") {
    const apps::Program asks{"skerry-asks", "Asks.", {"epoll"}};
    const std::vector<std::string> arguments{"--listen=127.0.0.1:7001"};
    const auto options = parse_options(asks, arguments);

    REQUIRE_FALSE(options);
    CHECK(options.error().exit_code == 2);
    CHECK_THAT(options.error().text, Catch::StartsWith("skerry-asks: --listen: unknown option; accepted: "));
    CHECK_THAT(options.error().text, !Catch::Contains("--listen,"));
}

TEST_CASE("a listen address is an address or a name, and a port", "[apps][options]") {
    CHECK(apps::parse_listen("localhost:80")->host == "localhost");
    CHECK(apps::parse_listen("[fe80::1%eth0]:80")->host == "fe80::1%eth0");
    CHECK(apps::parse_listen("[::]:65535")->port == 65535);
}

TEST_CASE("a listen address that cannot be one is refused", "[apps][options][error]") {
    const auto wrong = [](std::string_view text) { return apps::parse_listen(text).error().message; };
    const std::string accepted_form = "; accepted: ADDR:PORT, for example 127.0.0.1:7001 or [::1]:7001";

    CHECK(wrong("127.0.0.1") == "the port is missing" + accepted_form);
    CHECK(wrong("[::1]") == "the port is missing" + accepted_form);
    CHECK(wrong("::1") == "an IPv6 address stands in brackets" + accepted_form);
    CHECK(wrong("300.1.1.1:80") == "\"300.1.1.1\" is neither an address nor a name" + accepted_form);
    CHECK(wrong("[127.0.0.1]:80") == "\"127.0.0.1\" is neither an address nor a name" + accepted_form);
    CHECK(wrong("a b:80") == "\"a b\" is neither an address nor a name" + accepted_form);
    CHECK_THAT(wrong(":80"), Catch::StartsWith("the address is missing"));
    CHECK_THAT(wrong("[]:80"), Catch::StartsWith("the address is missing"));
    CHECK(wrong("127.0.0.1:65536") == "\"65536\" is not a port; accepted: 0 to 65535");
    CHECK(wrong("127.0.0.1:") == "\"\" is not a port; accepted: 0 to 65535");
    CHECK(wrong("127.0.0.1:-1") == "\"-1\" is not a port; accepted: 0 to 65535");
    CHECK_FALSE(apps::parse_listen(""));
    CHECK_FALSE(apps::parse_listen("["));
    CHECK_FALSE(apps::parse_listen(":"));
    CHECK_FALSE(apps::parse_listen("[:80"));
    CHECK_FALSE(apps::parse_listen("[fe80::1%]:80"));
}

TEST_CASE("a link-local address without its interface is refused", "[apps][options][error]") {
    CHECK(refusal({"--listen=[fe80::1]:7001"}) ==
          "--listen=[fe80::1]:7001: a link-local address needs its interface; accepted: for example "
          "[fe80::1%eth0]:7001");
    CHECK(accepted({"--listen=[fe80::1%eth0]:7001"}).listen[0].host == "fe80::1%eth0");
}

TEST_CASE("a duration is a whole number and a unit", "[apps][options]") {
    CHECK(apps::parse_duration("100ms").value() == 100ms);
    CHECK(apps::parse_duration("5s").value() == 5s);
    CHECK(apps::parse_duration("250us").value() == 250us);
    CHECK(apps::parse_duration("7ns").value() == 7ns);
    CHECK(apps::parse_duration("2min").value() == 2min);
    CHECK(apps::parse_duration("0s").value() == 0s);
}

TEST_CASE("a duration without unit, with a sign or a fraction is refused", "[apps][options][error]") {
    const std::string text = GENERATE("5", "s", "", "-5s", "1.5s", "5 s", "5h", "5sec");
    const auto duration = apps::parse_duration(text);

    REQUIRE_FALSE(duration);
    CHECK(duration.error().message ==
          "not a duration; accepted: a whole number and ns, us, ms, s or min, for example 100ms or 5s");
}

TEST_CASE("a duration that does not fit is refused, not wrapped", "[apps][options][error]") {
    CHECK(apps::parse_duration("315360000s").has_value());
    CHECK_FALSE(apps::parse_duration("315360001s"));
    CHECK_FALSE(apps::parse_duration("9223372036s"));
    CHECK_FALSE(apps::parse_duration("99999999999999999999ns"));
}

TEST_CASE("a whole number is decimal digits that fit", "[apps][options]") {
    CHECK(apps::parse_whole_number("0") == 0U);
    CHECK(apps::parse_whole_number("064") == 64U);
    CHECK(apps::parse_whole_number("18446744073709551615") == UINT64_MAX);
    CHECK(apps::parse_whole_number("100", 100) == 100U);
    CHECK_FALSE(apps::parse_whole_number("101", 100));
    for (const char* text : {"18446744073709551616", "", "+1", "-1", "0x10", "1e3", "1.0", " 1", "1 "})
        CHECK_FALSE(apps::parse_whole_number(text));
}

TEST_CASE("a program's own options stand beside the shared ones", "[apps][options]") {
    OwnOptions own;
    REQUIRE(parse({"--conns=7", "--quiet", "--backend=epoll"}, &own));

    CHECK(own.conns == 7);
    CHECK(own.quiet);
}

TEST_CASE("a program's own options are refused in the same form", "[apps][options][error]") {
    CHECK(refusal({"--size=many"}) == "--size=many: not a value of the accepted kind, UINT");
    CHECK(refusal({"--size=-1"}) == "--size=-1: not a value of the accepted kind, UINT");
    CHECK_THAT(refusal({"--conns=many"}), Catch::StartsWith("--conns: Value many not in range"));
    CHECK_THAT(refusal({"--conns=0"}), Catch::StartsWith("--conns: Value 0 not in range"));
    CHECK_THAT(refusal({"--proto=sctp"}), Catch::Contains("--proto: sctp not in {tcp,udp}"));
}

TEST_CASE("--version names version, compiler and backends", "[apps][options]") {
    const auto stop = parse({"--version"});

    REQUIRE_FALSE(stop);
    CHECK(stop.error().exit_code == 0);
    CHECK_THAT(stop.error().text,
               Catch::Matches("skerry-echo [0-9.]+ \\((g|clang)\\+\\+ [0-9.]+, backends epoll\\)\n"));
}

TEST_CASE("--help shows shared and own options and is no error", "[apps][options]") {
    const auto stop = parse({"--help"});

    REQUIRE_FALSE(stop);
    CHECK(stop.error().exit_code == 0);
    CHECK_THAT(stop.error().text, Catch::Contains("--backend") && Catch::Contains("--conns"));
}

TEST_CASE("a file sets options under their names", "[apps][options][config]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml",
                                        "backend = \"epoll\"\n"
                                        "cores = [0, 1]\n"
                                        "listen = [\"127.0.0.1:7001\", \"[::1]:7001\"]\n"
                                        "grace = \"3s\"\n"
                                        "conns = 5\n"
                                        "quiet = true\n");
    OwnOptions own;
    const auto options = parse({"--config=" + file}, &own);

    REQUIRE(options);
    CHECK(options->runtime.backend == "epoll");
    CHECK(options->runtime.cores->to_string() == "0,1");
    CHECK(options->listen.size() == 2);
    CHECK(options->runtime.grace == 3s);
    CHECK(own.conns == 5);
    CHECK(own.quiet);
}

TEST_CASE("the command line wins over the file", "[apps][options][config]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"epoll\"\ngrace = \"3s\"\nlisten = \"0.0.0.0:1\"\n");
    const Options options = accepted({"--config=" + file, "--backend=dpdk", "--listen=0.0.0.0:2"});

    CHECK(options.runtime.backend == "dpdk");
    CHECK(options.runtime.grace == 3s);
    REQUIRE(options.listen.size() == 1);
    CHECK(options.listen[0].port == 2);
}

TEST_CASE("a flag in the file may be false", "[apps][options][config]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "quiet = false\n");
    OwnOptions own;
    own.quiet = true;

    REQUIRE(parse({"--config=" + file}, &own));
    CHECK_FALSE(own.quiet);
}

TEST_CASE("a fraction in the file is the same as on the command line", "[apps][options][config]") {
    TempTree tree;
    const std::string value = GENERATE("1234567.891", "0.3333333333", "100.5", "1e3");
    const std::string file = tree.write("echo.toml", "json = " + value + "\n");

    CHECK(accepted({"--config=" + file}).json_file == (value == "1e3" ? "1000" : value));
}

TEST_CASE("an unknown key is refused with its line and the known keys", "[apps][options][config][error]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"epoll\"\nbakend = 1\n");
    const std::string line = refusal({"--config=" + file});

    CHECK_THAT(line, Catch::StartsWith(file + ":2: unknown key \"bakend\"; accepted: "));
    CHECK_THAT(line, Catch::Contains("backend, "));
    CHECK_THAT(line, !Catch::Contains("--"));
    CHECK_THAT(line, !Catch::Contains("config"));
    CHECK_THAT(line, !Catch::Contains("help"));
}

TEST_CASE("a table and the options that only make sense once are no keys", "[apps][options][config][error]") {
    const std::string text =
        GENERATE("[net]\nip = \"198.18.0.2/24\"\n", "config = \"other.toml\"\n", "help = true\n", "version = true\n");
    TempTree tree;
    const std::string file = tree.write("echo.toml", text);

    CHECK_THAT(refusal({"--config=" + file}), Catch::StartsWith(file + ":1: unknown key "));
}

TEST_CASE("a bad value in the file is refused with its line", "[apps][options][config][error]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"epoll\"\n\nidle = \"doze\"\n");

    CHECK(refusal({"--config=" + file}) ==
          file + ":3: --idle=doze: no such idle policy; accepted: spin, adaptive, sleep");
}

TEST_CASE("a value that no option can have is refused with its line", "[apps][options][config][error]") {
    const std::string value = GENERATE("1979-05-27", "[]", "[[1]]", "{a = 1}");
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = " + value + "\n");

    CHECK(refusal({"--config=" + file}) ==
          file + ":1: backend: a string, a number, true, false or an array of these is accepted");
}

TEST_CASE("a file that is no TOML is refused with the place", "[apps][options][config][error]") {
    TempTree tree;
    const std::string file = tree.write("echo.toml", "backend = \"epoll\"\nidle spin\n");

    CHECK_THAT(refusal({"--config=" + file}), Catch::StartsWith(file + ":2: "));
}

TEST_CASE("a file that cannot be read is refused by name", "[apps][options][config][error]") {
    TempTree tree;
    const std::string missing = (tree.root() / "none.toml").string();

    CHECK(refusal({"--config=" + missing}) == "--config=" + missing + ": cannot be read; accepted: a TOML file");
    CHECK(refusal({"--config=" + tree.root().string()}) ==
          "--config=" + tree.root().string() + ": cannot be read; accepted: a TOML file");
}

TEST_CASE("a file that stops being readable is refused", "[apps][options][config][error]") {
    CHECK(refusal({"--config=/proc/self/mem"}) == "--config=/proc/self/mem: cannot be read; accepted: a TOML file");
}

TEST_CASE("a report is one line with the next step", "[apps][report]") {
    CHECK(apps::report_line("skerry-echo", "no core", "give --cores") == "skerry-echo: no core; give --cores");
    CHECK(apps::report_line("skerry-echo", "a\nb") == "skerry-echo: a b");
}

TEST_CASE("a report that quotes much is still a line to read, with its next step", "[apps][report]") {
    std::string much;
    for (int i = 0; i < 100'000; ++i) much += "\u00e9";
    const std::string line = apps::report_line("skerry-echo", much, "give less");
    CHECK(line.size() < 1100);
    CHECK(line.starts_with("skerry-echo: \u00e9"));
    CHECK(line.find("\u00e9 ... \u00e9") != std::string::npos);
    CHECK(line.ends_with("; give less"));
}

TEST_CASE("the start line tells backend, cores, idle and clock with their reasons", "[apps][start_line]") {
    runtime::CorePlan plan;
    plan.cores = {{0, runtime::IdlePolicy::sleep}, {1, runtime::IdlePolicy::sleep}};
    plan.reasons = {"as configured"};
    const apps::StartLine line{"skerry-echo", "tcp echo", "127.0.0.1:7001", "epoll", "auto: dpdk not built", "tsc"};

    CHECK(apps::format_start_line(line, plan) ==
          "skerry-echo: tcp echo on 127.0.0.1:7001, backend epoll "
          "(auto: dpdk not built), cores 0,1 (as configured), idle sleep, clock tsc");
}

TEST_CASE("the start line lists cores that idle differently", "[apps][start_line]") {
    runtime::CorePlan plan;
    plan.cores = {{0, runtime::IdlePolicy::spin}, {1, runtime::IdlePolicy::sleep}};
    const apps::StartLine line{"p", "udp sink", "[::1]:9", "epoll", "", "monotonic"};

    CHECK(apps::format_start_line(line, plan) ==
          "p: udp sink on [::1]:9, backend epoll, cores 0,1, idle spin on 0, sleep on 1, clock monotonic");
}

}  // namespace
}  // namespace skerry
