#include "loadgen/report/report_reader.hpp"

#include "loadgen/report/hdr_encoding.hpp"
#include "loadgen/report/hlog.hpp"
#include "loadgen/report/page.hpp"
#include "loadgen_sample.hpp"

#include "support/catch.hpp"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace loadgen_sample;
using nlohmann::json;

std::string refusal(const std::string& text) {
    const auto reports = read_reports(text);
    return reports ? "" : reports.error().message;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("a report is read back as it was written", "[apps][loadgen][reader]") {
    Report before = report(2, uneven);
    before.summary.refused = 3;
    before.summary.reconnects = 5;
    const auto read = read_reports(to_json(before));
    REQUIRE(read);
    REQUIRE(read->size() == 1);
    const Report& after = read->front();
    json first = json::parse(to_json(before));
    json second = json::parse(to_json(after));
    for (const char* rounded : {"max_us"}) {  // to its counter
        CHECK(second[rounded].get<double>() == Approx(first[rounded].get<double>()).epsilon(0.001));
        first.erase(rounded);
        second.erase(rounded);
        first["service"].erase(rounded);
        second["service"].erase(rounded);
    }
    CHECK(first == second);
}

TEST_CASE("a report without mode, refusals and reconnects, of an earlier version, is read", "[apps][loadgen][reader]") {
    json earlier = json::parse(to_json(report(1, uneven)));
    earlier.erase("refused");
    earlier.erase("reconnects");
    earlier.erase("mode");
    const auto read = read_reports(earlier.dump());
    REQUIRE(read);
    CHECK(read->front().summary.refused == 0);
    CHECK(read->front().summary.reconnects == 0);
    CHECK(read->front().run.mode.empty());
}

TEST_CASE("lists and sweeps are read, run by run", "[apps][loadgen][reader]") {
    const std::vector<Report> runs{report(1, uneven), report(1, uneven)};
    CHECK(read_reports(to_json(runs))->size() == 2);
    CHECK(read_reports("{\"knee\": 5, \"runs\": " + to_json(runs) + "}")->size() == 2);
}

TEST_CASE("what is no report is refused in one line", "[apps][loadgen][reader]") {
    json good = json::parse(to_json(report(1, uneven)));
    CHECK(refusal(good.dump()).empty());
    CHECK(refusal("{").find("no report of skerry-loadgen: ") == 0);
    CHECK(refusal("[]") == "there is no run in it");
    CHECK(refusal("7").find("no report of skerry-loadgen: ") == 0);
    json bad = good;
    bad["schema_version"] = 99;
    CHECK(refusal(bad.dump()) == "schema_version is 99, and 1 is what can be read");
    bad["schema_version"] = 1e300;
    CHECK(refusal(bad.dump()) == "schema_version is 1e+300, and is to be a count");
    bad = good;
    bad.erase("intervals");
    CHECK(refusal(bad.dump()).find("intervals") != std::string::npos);
    bad = good;
    bad["sent"] = "many";
    CHECK(refusal(bad.dump()) == "sent is string, and is to be a count");
    bad = good;
    bad["intervals"]["histograms"][0]["response"] = "HISTFAAAA";
    CHECK(refusal(bad.dump()) == "a histogram is damaged");
    CHECK(read_report_file("/nonexistent/a.json").error().message ==
          "cannot read /nonexistent/a.json: No such file or directory");
    CHECK(read_report_file("/tmp").error().message == "cannot read /tmp: Is a directory");
    CHECK(read_report_file("/dev/null").error().message.find("/dev/null: no report of skerry-loadgen: ") == 0);
}

TEST_CASE("a figure that no run has is refused by name, and drawn by nobody", "[apps][loadgen][reader][range]") {
    const json good = json::parse(to_json(report(1, uneven)));
    const std::vector<json> values{-1, 1e300, -1e300, 1.8446744073709552e19, -0.5, 1e-30, true, json::array(), 1e18};
    const auto check = [](const std::string& name, const json& bad) {
        INFO(name);
        const auto reports = read_reports(bad.dump());
        if (reports) CHECK_FALSE(page_text({"a page", *reports}).empty());  // accepted: then it can be shown
        if (!reports) CHECK(reports.error().message.find('\n') == std::string::npos);
    };
    for (const auto& [name, value] : good.items()) {
        for (const json& other : values) {
            json bad = good;
            bad[name] = other;
            check(name + " = " + other.dump(), bad);
        }
    }
    for (const json& other : values) {
        json bad = good;
        bad["intervals"]["length_s"] = other;
        check("length_s = " + other.dump(), bad);
    }
    for (const char* name : {"measured_s", "warm_up_s", "rate", "jitter_us", "started_s", "offered", "sent", "conns",
                             "first_half_p50_us", "count", "late"}) {
        for (const double value : {-1.0, 1e300}) {
            json bad = good;
            bad[name] = value;
            CHECK(refusal(bad.dump()).find(std::string(name) + " is ") == 0);
        }
    }
}

TEST_CASE("a run whose answers all came after the measured time can be drawn", "[apps][loadgen][reader][range]") {
    json late = json::parse(to_json(report(1, uneven)));
    for (const char* time : {"response", "service"}) late["intervals"]["histograms"][0][time] = nullptr;
    late["measured_s"] = 0.1;
    late["jitter_us"] = nullptr;
    const auto reports = read_reports(late.dump());
    REQUIRE(reports);
    CHECK_FALSE(page_text({"a page", *reports}).empty());
}

TEST_CASE("lists that lie deep in each other are no report, and no way to break the program",
          "[apps][loadgen][reader]") {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += "{\"runs\":";
    CHECK(refusal(deep + "[]" + std::string(200'000, '}')) == "runs is no list");
    const std::string lists = std::string(200'000, '[') + std::string(200'000, ']');
    CHECK(refusal(lists).find("no report of skerry-loadgen: ") == 0);
    const std::string good = to_json(report(1, uneven));
    CHECK(refusal(good.substr(0, good.rfind('}')) + ",\"sent\":" + lists + "}") ==
          "sent is array, and is to be a count");
    CHECK(refusal("{\"schema_version\":" + lists + "}") == "schema_version is array, and is to be a count");
}

TEST_CASE("a histogram log has a header and two lines an interval", "[apps][loadgen][hlog]") {
    const Report sample = report(1, uneven);
    const auto lines = lines_of(hlog_text(sample));
    REQUIRE(lines.size() == 4 + 2 * 10);
    CHECK(lines[1] == "#[Histogram log format version 1.3]");
    CHECK(lines[2] == "#[StartTime: 1700000000.250 (seconds since epoch), 2023-11-14T22:13:20Z]");
    CHECK(lines[3] == "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"");
    CHECK(lines[4].find("0.000,0.100,0.030") == 0);
    CHECK(lines[5].find("Tag=service,0.000,0.100,0.0") == 0);
    CHECK(lines[6].find("0.100,0.100,") == 0);
    CHECK(histogram_bytes(lines[4].substr(lines[4].rfind(',') + 1)) == sample.summary.intervals.rows[0].response);
}

TEST_CASE("the last line of a log ends with the measured time", "[apps][loadgen][hlog]") {
    Report sample = report(1, uneven);
    sample.summary.measured_s = 0.95;
    const auto lines = lines_of(hlog_text(sample));
    CHECK(lines[22].find("0.900,0.050,") == 0);
}
