#include "loadgen/report/report_reader.hpp"

#include "loadgen/report/hdr_encoding.hpp"
#include "loadgen/report/hlog.hpp"
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

TEST_CASE("a report without refusals and reconnects, of an earlier version, is read", "[apps][loadgen][reader]") {
    json earlier = json::parse(to_json(report(1, uneven)));
    earlier.erase("refused");
    earlier.erase("reconnects");
    const auto read = read_reports(earlier.dump());
    REQUIRE(read);
    CHECK(read->front().summary.refused == 0);
    CHECK(read->front().summary.reconnects == 0);
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
    bad = good;
    bad.erase("intervals");
    CHECK(refusal(bad.dump()).find("intervals") != std::string::npos);
    bad = good;
    bad["sent"] = "many";
    CHECK(refusal(bad.dump()).find("no report of skerry-loadgen: ") == 0);
    bad = good;
    bad["intervals"]["histograms"][0]["response"] = "HISTFAAAA";
    CHECK(refusal(bad.dump()) == "a histogram is damaged");
    CHECK(read_report_file("/nonexistent/a.json").error().message ==
          "cannot read /nonexistent/a.json: No such file or directory");
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
