#include "loadgen/report/report.hpp"

#include "support/catch.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;
using nlohmann::json;

/// `count` requests of 1 kHz, answered after 23 µs; the last one takes 95 ms and was sent 2 ms late.
Report sample_report(int count) {
    Recorder recorder({Loop::open, 0s, std::chrono::milliseconds{count}, 1ms});
    for (int i = 0; i < count; ++i) {
        const bool last = i + 1 == count;
        const Nanos due = i * 1ms;
        const Nanos sent = last ? due + 2ms : due;
        recorder.on_send(due, sent);
        recorder.on_reply(due, sent, sent + (last ? Nanos(95ms) : Nanos(23us)));
    }
    Report report;
    report.run = {"epoll", "tcp", 64, 1, 1, "sleep", "spin", 1'000.0, Arrivals::constant, 0.5, 12.75};
    report.run.mode = "echo";
    report.summary = recorder.summary();
    report.machine = {"AMD \"EPYC\", 9\\4", 2, "Linux 6.1 x86_64", "g++ 12.2.0", "release", "0.1.0"};
    return report;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// Splits a CSV line as RFC 4180 says; written apart from the code that quotes.
std::vector<std::string> cells_of(const std::string& line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size() && line[i] != '\r'; ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
            cells.back() += line[i++];
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ',' && !quoted)
            cells.emplace_back();
        else
            cells.back() += line[i];
    }
    return cells;
}

std::string cell(const std::string& csv, const std::string& name) {
    const auto lines = lines_of(csv);
    const auto names = cells_of(lines.at(0));
    const auto values = cells_of(lines.at(1));
    REQUIRE(names.size() == values.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return values[i];
    return "no such column";
}

}  // namespace

TEST_CASE("a quantile is printed from ten times as many samples as it cuts off one of", "[apps][loadgen]") {
    skerry::metrics::HdrHistogram histogram;
    const auto [one_in, needed] = GENERATE(
        table<std::uint64_t, std::uint64_t>({{2, 20}, {10, 100}, {100, 1'000}, {1'000, 10'000}, {10'000, 100'000}}));
    histogram.record_n(23'456, needed - 1);
    CHECK_FALSE(quantile_us(histogram, one_in, 0).has_value());
    histogram.record(23'456);
    CHECK(quantile_us(histogram, one_in, 0).value() == 23.456);  // the largest value, not the end of its counter
}

TEST_CASE("a quantile is printed when no more requests than it cuts off have no answer", "[apps][loadgen]") {
    skerry::metrics::HdrHistogram histogram;
    const std::uint64_t one_in = GENERATE(2, 10, 100, 1'000, 10'000);
    const std::uint64_t unanswered = 10;  // and nine of ten, 99 of a hundred ... of all are answered
    histogram.record_n(23'456, unanswered * (one_in - 1));
    histogram.record_n(23'456, 10 * one_in);
    const std::uint64_t most = histogram.total_count() / (one_in - 1);
    CHECK(quantile_us(histogram, one_in, most).has_value());
    CHECK_FALSE(quantile_us(histogram, one_in, most + 1).has_value());
}

TEST_CASE("requests without an answer count as longer than any answer", "[apps][loadgen]") {
    skerry::metrics::HdrHistogram histogram;
    histogram.record_n(100'000, 998'150);
    histogram.record_n(50'000'000, 950);
    CHECK(quantile_us(histogram, 1'000, 49).value() == Approx(100).epsilon(1e-3));
    CHECK(quantile_us(histogram, 1'000, 51).value() == 50'000);  // 999,151 are due, and the 998,152nd is the percentile
}

TEST_CASE("what is lost, refused, damaged or never sent leaves no quantile that it is in", "[apps][loadgen]") {
    const auto row_of = [](void (*spoil)(Recorder&, Nanos)) {
        Recorder recorder({Loop::open, 0s, 20s, 1ms});
        for (Nanos due = 0s; due < 20s; due += 1ms) {
            const bool is_spoilt = due % 1s == 0s && due < 15s;  // 15 of 20,000: more than 0.01 %, less than 0.1 %
            if (is_spoilt) spoil(recorder, due);
            if (is_spoilt) continue;
            recorder.on_send(due, due);
            recorder.on_reply(due, due, due + 23us);
        }
        Report report = sample_report(100);
        report.summary = recorder.summary();
        report.summary.response.record_n(23'000, 100'000);  // enough for p99.99
        report.summary.service.record_n(23'000, 100'000);
        return json::parse(to_json(report));
    };
    for (const auto spoil : {+[](Recorder& recorder, Nanos due) { recorder.on_send(due, due); },
                             +[](Recorder& recorder, Nanos due) {
                                 recorder.on_send(due, due);
                                 recorder.on_refused(due);
                             },
                             +[](Recorder& recorder, Nanos due) {
                                 recorder.on_send(due, due);
                                 recorder.on_error(due);
                             },
                             +[](Recorder& recorder, Nanos due) { recorder.on_unsent(due); }}) {
        const auto row = row_of(spoil);
        CHECK(row.at("invalid") == false);
        CHECK(row.at("p999_us").is_number());
        CHECK(row.at("p9999_us").is_null());
        CHECK(row.at("service").at("p9999_us").is_null());
    }
}

TEST_CASE("answers that nothing waited for are told where there were some", "[apps][loadgen]") {
    Report report = sample_report(100);
    CHECK(to_table({&report, 1}).find("unexpected") == std::string::npos);
    report.summary.unexpected = 1'234;
    CHECK_THAT(to_table({&report, 1}), Catch::Contains("unexpected (run 1): 1,234 answers came that nothing"));
}

TEST_CASE("the JSON of a run has every field a reader counts on", "[apps][loadgen]") {
    const auto row = json::parse(to_json(sample_report(5'000)));
    CHECK(row.at("schema_version") == 1);
    CHECK(row.at("backend") == "epoll");
    CHECK(row.at("proto") == "tcp");
    CHECK(row.at("mode") == "echo");
    CHECK(row.at("bytes") == 64);
    CHECK(row.at("conns") == 1);
    CHECK(row.at("inflight") == 1);
    CHECK(row.at("loop") == "open");
    CHECK(row.at("arrivals") == "constant");
    CHECK(row.at("idle") == "sleep");
    CHECK(row.at("client_idle") == "spin");
    CHECK(row.at("rate") == 1'000);
    CHECK(row.at("warm_up_s") == 0.5);
    CHECK(row.at("measured_s") == 5);
    CHECK(row.at("count") == 5'000);
    CHECK(row.at("p50_us") == 23.007);  // the highest value of the counter of 23,000 ns, which is 16 ns wide
    CHECK(row.at("p99_us") == 23.007);
    CHECK(row.at("max_us") == 97'000);
    CHECK(row.at("at_least_90ms") == 1);
    CHECK(row.at("offered") == 1'000);
    CHECK(row.at("achieved") == 1'000);
    CHECK(row.at("sent") == 5'000);
    CHECK(row.at("lost") == 0);
    CHECK(row.at("errors") == 0);
    CHECK(row.at("late") == 1);
    CHECK(row.at("late_share") == Approx(0.0002));
    CHECK(row.at("jitter_us") == 12.75);
    CHECK(row.at("invalid") == false);
    CHECK(row.at("invalid_reasons") == json::array());
    CHECK(row.at("first_half_p50_us") == 23.007);
    CHECK(row.at("second_half_p50_us") == 23.007);

    const auto& service = row.at("service");
    CHECK(service.at("count") == 5'000);
    CHECK(service.at("p99_us") == 23.007);
    CHECK(service.at("max_us") == 95'000);
    CHECK(service.at("at_least_90ms") == 1);

    const auto& machine = row.at("machine");
    CHECK(machine.at("cpu") == "AMD \"EPYC\", 9\\4");
    CHECK(machine.at("cpus") == 2);
    CHECK(machine.at("version") == "0.1.0");
}

TEST_CASE("a quantile with too few samples is null in JSON and n/a in CSV and table", "[apps][loadgen]") {
    const auto report = sample_report(5'000);
    const auto row = json::parse(to_json(report));
    CHECK(row.at("p99_us").is_number());
    CHECK(row.at("p999_us").is_null());
    CHECK(row.at("service").at("p999_us").is_null());
    CHECK(cell(to_csv({&report, 1}), "p999_us") == "n/a");
    CHECK_THAT(to_table({&report, 1}), Catch::Contains("n/a"));
    CHECK(json::parse(to_json(sample_report(10'000))).at("p999_us").is_number());
}

TEST_CASE("a closed loop has no rate and no arrivals, and an unmeasured floor is null", "[apps][loadgen]") {
    auto report = sample_report(100);
    report.run.rate.reset();
    report.run.arrivals.reset();
    report.run.jitter_us.reset();
    const auto row = json::parse(to_json(report));
    CHECK(row.at("rate").is_null());
    CHECK(row.at("arrivals").is_null());
    CHECK(row.at("jitter_us").is_null());
}

TEST_CASE("an invalid run says why in every format", "[apps][loadgen]") {
    Report report = sample_report(100);
    Recorder recorder({Loop::open, 0s, 1s, 1ms});
    recorder.on_send(0s, 0s);
    report.summary = recorder.summary();
    const auto row = json::parse(to_json(report));
    CHECK(row.at("invalid") == true);
    REQUIRE(row.at("invalid_reasons").size() == 1);
    CHECK_THAT(row.at("invalid_reasons").at(0).get<std::string>(), Catch::Contains("achieved/offered is 0.0000"));
    CHECK(row.at("max_us").is_null());
    CHECK(row.at("lost") == 1);
    CHECK(cell(to_csv({&report, 1}), "invalid") == "true");
    CHECK_THAT(cell(to_csv({&report, 1}), "invalid_reasons"), Catch::Contains("achieved/offered is 0.0000"));
    CHECK_THAT(to_table({&report, 1}), Catch::Contains("INVALID") && Catch::Contains("invalid (run 1): achieved"));
}

TEST_CASE("several runs are a JSON list and CSV rows under one header", "[apps][loadgen]") {
    const std::vector<Report> reports = {sample_report(100), sample_report(200)};
    const auto list = json::parse(to_json(reports));
    REQUIRE(list.size() == 2);
    CHECK(list.at(1).at("count") == 200);
    CHECK(json::parse(to_json(std::span<const Report>())) == json::array());

    const auto lines = lines_of(to_csv(reports));
    REQUIRE(lines.size() == 3);
    CHECK(cells_of(lines[0]).size() == cells_of(lines[2]).size());
}

TEST_CASE("CSV has the same figures as JSON and quotes what holds a comma", "[apps][loadgen]") {
    const auto report = sample_report(5'000);
    const auto csv = to_csv({&report, 1});
    CHECK(cell(csv, "p50_us") == "23.007");
    CHECK(cell(csv, "service.max_us") == "95000");
    CHECK(cell(csv, "machine.cpu") == "AMD \"EPYC\", 9\\4");
    CHECK(cell(csv, "loop") == "open");
    CHECK(lines_of(csv)[0].find(' ') == std::string::npos);
}

TEST_CASE("control characters in a text do not break the JSON", "[apps][loadgen]") {
    auto report = sample_report(100);
    report.machine.cpu = "a\tb\nc\x01 d\xc2\xb5";
    CHECK(json::parse(to_json(report)).at("machine").at("cpu") == report.machine.cpu);
}

TEST_CASE("what is no UTF-8 in a text does not break the JSON", "[apps][loadgen][utf8]") {
    const auto shown = [](const std::string& text) {
        auto report = sample_report(100);
        report.run.command = text;
        return json::parse(to_json(report)).at("command").get<std::string>();
    };
    const std::string none = "\xef\xbf\xbd";
    for (const char* whole : {"caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        CHECK(shown(whole) == whole);
    CHECK(shown("caf\xe9") == "caf" + none);
    CHECK(shown("\x80") == none);
    CHECK(shown("\xc3") == none);
    CHECK(shown("\xc3 a") == none + " a");
    CHECK(shown("\xe2\x82") == none + none);
    CHECK(shown("\xe2\x82z") == none + none + "z");
    CHECK(shown("\xc0\xaf") == none + none);  // overlong
    CHECK(shown("\xe0\x9f\xbf") == none + none + none);  // overlong
    CHECK(shown("\xed\xa0\x80") == none + none + none);  // a surrogate
    CHECK(shown("\xf4\x90\x80\x80") == none + none + none + none);
    CHECK(shown("\xff") == none);
}

TEST_CASE("the columns of the table are aligned", "[apps][loadgen]") {
    std::vector<Report> reports = {sample_report(5'000), sample_report(20'000)};
    reports[1].run.backend = "io_uring";
    const auto lines = lines_of(to_table(reports));
    REQUIRE(lines.size() == 6);
    const auto time_column = lines[0].find("time");
    CHECK(lines[1].find("response") == time_column);
    CHECK(lines[2].find("service") == time_column);
    CHECK(lines[3].find("response") == time_column);
    const auto p50_end = lines[0].find("p50 us") + 6;
    for (std::size_t i = 1; i < 5; ++i) CHECK(lines[i].substr(p50_end - 4, 6) == "23.0  ");
    CHECK(lines[1].find("97000.0") == lines[3].find("97000.0"));
    CHECK(lines[2].find("95000.0") == lines[1].find("97000.0"));
    CHECK(lines[1].substr(lines[1].size() - 2) == "ok");
    CHECK(lines[5] == "machine: AMD \"EPYC\", 9\\4, 2 CPUs; Linux 6.1 x86_64; g++ 12.2.0, release; skerry 0.1.0");
}

TEST_CASE("the hgrm files are in microseconds, one for each time", "[apps][loadgen]") {
    const auto names = hgrm_names("out/run");
    CHECK(names[0] == "out/run.response.hgrm");
    CHECK(names[1] == "out/run.service.hgrm");
    const auto summary = sample_report(100).summary;
    CHECK_THAT(hgrm_text(summary.response),
               Catch::Contains("#[Max     =    97000.000, Total count    =          100]"));
    CHECK_THAT(hgrm_text(summary.service), Catch::Contains("#[Max     =    95000.000"));
}

TEST_CASE("the CPU model is read from the text of /proc/cpuinfo", "[apps][loadgen]") {
    CHECK(cpu_model("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14: special\nstepping\t: 1\n") ==
          "AMD EPYC 9R14: special");
    CHECK(cpu_model("model name\t: last line") == "last line");
    CHECK(cpu_model("processor\t: 0\nBogoMIPS\t: 50.00\n") == "unknown");
    CHECK(cpu_model("") == "unknown");
}

TEST_CASE("a hypervisor is known by its flag, a whole word", "[apps][loadgen]") {
    CHECK(has_hypervisor("processor\t: 0\nflags\t\t: fpu hypervisor lm\n"));
    CHECK(has_hypervisor("flags : hypervisor"));
    CHECK_FALSE(has_hypervisor("flags : fpu hypervisors lm\n"));
    CHECK_FALSE(has_hypervisor("model name : hypervisor\n"));
}

TEST_CASE("governor, clock and isolated CPUs are read where the kernel tells them", "[apps][loadgen]") {
    const auto root = std::filesystem::temp_directory_path() / ("skerry_fingerprint_" + std::to_string(::getpid()));
    const auto write = [&](const std::string& path, const std::string& text) {
        std::filesystem::create_directories((root / path).parent_path());
        std::ofstream(root / path) << text;
    };
    const auto bare = this_machine("1.2.3", root.string());
    CHECK(bare.cpu == "unknown");
    CHECK(bare.governor == "none");
    CHECK(bare.clock == "unknown");
    CHECK(bare.isolated == "none");
    write("proc/cpuinfo", "model name : X\nflags : hypervisor\n");
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    write("sys/devices/system/cpu/isolated", "2-3\n");
    const auto told = this_machine("1.2.3", root.string());
    std::filesystem::remove_all(root);
    CHECK(told.cpu == "X");
    CHECK(told.is_virtual);
    CHECK(told.governor == "performance");
    CHECK(told.clock == "tsc");
    CHECK(told.isolated == "2-3");
}

TEST_CASE("this machine has a kernel, a compiler and at least one CPU", "[apps][loadgen]") {
    const auto machine = this_machine("1.2.3");
    CHECK(machine.version == "1.2.3");
    CHECK(machine.cpus >= 1);
    CHECK_FALSE(machine.cpu.empty());
    CHECK_THAT(machine.kernel, Catch::StartsWith("Linux "));
    CHECK_THAT(machine.compiler, Catch::Contains("g++") || Catch::Contains("Clang"));
}
