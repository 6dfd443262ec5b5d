// file_reads: reads blocks of a file at random places, a number of them at a time, on one core, and prints how many a
// second as one line of JSON. To be run beside fio by bench/file_rates.py, which reads the same file in the same way.

#include "common/backends.hpp"
#include "common/options.hpp"
#include "common/process.hpp"
#include "common/report.hpp"
#include "common/values.hpp"

#include <skerry/fs/open_options.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/instant.hpp>

#include <CLI/CLI.hpp>

#include <fcntl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace skerry;

constexpr const char* name = "file_reads";

struct Settings {
    std::string file;
    std::size_t depth = 64;
    std::size_t bytes = 4096;
    std::chrono::nanoseconds duration = std::chrono::seconds{1};
    bool is_direct = false;
    bool hands_over = false;  // buffers, instead of copies into memory of the reader
};

void add_number(CLI::App& app, const std::string& option, const std::string& help, std::size_t& target,
                std::uint64_t max) {
    const auto take = [option, &target, max](const std::string& text) {
        const auto value = apps::parse_whole_number(text, max);
        if (!value || *value == 0)
            throw CLI::ValidationError(option + "=" + text,
                                       "accepted: a whole number from 1 to " + std::to_string(max));
        target = static_cast<std::size_t>(*value);
    };
    app.add_option_function<std::string>(option, take, help)->type_name("N");
}

void add_options(CLI::App& app, Settings& settings) {
    app.add_option("--file", settings.file, "the file to read; at least one block long")->type_name("FILE")->required();
    add_number(app, "--depth", "reads under way at a time; default 64", settings.depth, 65'536);
    add_number(app, "--bytes", "of a block; default 4096", settings.bytes, 1U << 20U);
    app.add_flag("--direct", settings.is_direct, "past the kernel's cache (O_DIRECT)");
    app.add_flag("--hand-over", settings.hands_over, "take buffers (read_buf_at) instead of copies (read_at)");
    const auto duration = [&settings](const std::string& text) {
        auto parsed = apps::parse_duration(text);
        if (!parsed) throw CLI::ValidationError("--duration=" + text, parsed.error().message);
        settings.duration = *parsed;
    };
    app.add_option_function<std::string>("--duration", duration, "how long is measured; default 1s")->type_name("TIME");
}

// What the readers share: where the next block lies, when they stop, and what came of it.
struct Reading {
    fs::File& file;
    const Settings& settings;
    std::uint64_t blocks;
    time::Instant until;
    std::minstd_rand random{1};
    std::uint64_t reads = 0;
    Error error{};

    [[nodiscard]] std::uint64_t next_place() {
        std::uniform_int_distribution<std::uint64_t> any(0, blocks - 1);
        return any(random) * settings.bytes;
    }
    [[nodiscard]] bool goes_on() const noexcept { return error.code() == Errc::ok && time::Instant::now() < until; }
    void count(const Result<std::size_t>& bytes) noexcept {
        if (!bytes)
            error = bytes.error();
        else if (*bytes != settings.bytes)
            error = Errc::unexpected_eof;
        ++reads;
    }
};

Task<> read_copies(Reading* reading) {
    std::vector<std::byte> into(reading->settings.bytes);
    while (reading->goes_on()) reading->count(co_await reading->file.read_at(reading->next_place(), into));
}

Task<> read_buffers(Reading* reading) {
    while (reading->goes_on()) {
        auto piece = co_await reading->file.read_buf_at(reading->next_place(), reading->settings.bytes);
        reading->count(piece ? Result<std::size_t>(piece->size()) : Result<std::size_t>(piece.error()));
    }
}

Task<int> read(const Settings& settings, std::string_view driver) {
    const int flags = settings.is_direct ? O_DIRECT : 0;
    auto file = co_await fs::OpenOptions().read(true).custom_flags(flags).open(settings.file);
    if (!file) co_return apps::report(file.error(), "cannot open " + settings.file);
    auto about = co_await file->metadata();
    if (!about) co_return apps::report(about.error(), "cannot look at " + settings.file);
    const std::uint64_t blocks = about->size_bytes / settings.bytes;
    if (blocks == 0) co_return apps::report(settings.file + " is shorter than a block");

    const time::Instant start = time::Instant::now();
    Reading reading{.file = *file, .settings = settings, .blocks = blocks, .until = start + settings.duration};
    std::vector<JoinHandle<void>> readers;
    for (std::size_t i = 0; i < settings.depth; ++i)
        readers.push_back(spawn(settings.hands_over ? read_buffers(&reading) : read_copies(&reading)));
    for (auto& reader : readers) (void)co_await std::move(reader);
    if (reading.error.code() != Errc::ok) co_return apps::report(reading.error, "cannot read " + settings.file);
    const double seconds = std::chrono::duration<double>(time::Instant::now() - start).count();
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(),
                  R"({"backend":"%.*s","reads":%llu,"by_driver":%llu,"seconds":%.3f,"reads_per_second":%.0f})"
                  "\n",
                  static_cast<int>(driver.size()), driver.data(), static_cast<unsigned long long>(reading.reads),
                  static_cast<unsigned long long>(runtime::core_stats().files.asked), seconds,
                  static_cast<double>(reading.reads) / seconds);
    co_return apps::print(line.data());
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    Settings settings;
    const apps::Program program{.name = name,
                                .summary = "Reads blocks of a file at random places: a peer for fio.",
                                .backends = apps::backend_names(),
                                .writes_json = false};
    auto options = apps::parse_options(program, argc, argv, [&](CLI::App& app) { add_options(app, settings); });
    if (!options) return apps::finish(options.error());
    auto runtime = apps::builder_for_sockets(options->runtime).build();
    if (!runtime) return apps::report(runtime.error());
    return runtime->block_on(read(settings, runtime->driver()));
}
