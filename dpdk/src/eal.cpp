#include "eal.hpp"

#include "eal_log.hpp"
#include "host.hpp"

#include <skerry/topology/cpu_set.hpp>

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_memory.h>

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace skerry::dpdk::eal {

namespace {

using backend::SetupError;

// Allowed instead of all PCI devices: the address of the first host bridge, which no driver of DPDK takes. Ports are
// added one by one.
constexpr const char* allow_no_pci_device = "--allow=0000:00:00.0";

struct State {
    std::mutex mutex;
    bool started = false;
    bool has_pci = false;
    std::string memory;
    std::string failure;  // EAL cannot be started a second time
};

State& state() {
    static auto& instance = *new State;
    return instance;
}

struct Memory {
    bool huge = false;
    std::string line;
};

Result<Memory, SetupError> choose_memory(const Options& options) {
    const std::uint64_t free_mib = free_hugepages_mib();
    const std::string wanted = std::to_string(options.memory_mib) + " MiB";
    const std::string free = std::to_string(free_mib) + " MiB of huge pages are free";
    const bool enough = free_mib >= options.memory_mib;
    const bool wants_huge = options.hugepages == Hugepages::on || (options.hugepages == Hugepages::automatic && enough);
    if (wants_huge && !may_ask_for_memory_node())
        return Unexpected(SetupError{
            "dpdk: huge pages need the system call get_mempolicy, which a filter refuses here; give the container "
            "CAP_SYS_NICE, or use hugepages=off"});
    if (options.hugepages == Hugepages::on && !enough)
        return Unexpected(SetupError{"dpdk: hugepages=on: " + free + " and " + wanted + " are wanted; run echo " +
                                     std::to_string((options.memory_mib + 1) / 2) +
                                     " > /proc/sys/vm/nr_hugepages as root, or use hugepages=off"});
    if (options.hugepages != Hugepages::off && enough) return Memory{true, "huge pages"};
    const std::uint64_t machine_mib =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) >>
        20U;
    if (options.memory_mib > machine_mib)
        return Unexpected(SetupError{"dpdk: memory=" + std::to_string(options.memory_mib) + ": this machine has " +
                                     std::to_string(machine_mib) + " MiB; ask for less"});
    return Memory{
        false, wanted + " of ordinary pages (" + (options.hugepages == Hugepages::off ? "hugepages=off" : free) + ")"};
}

std::vector<std::string> arguments_of(const Options& options, const Memory& memory, bool has_pci) {
    // One lcore on all CPUs of this process: EAL's own threads then run where EAL's starter may, not on CPU 0.
    const auto cpus = topology::affinity();
    std::vector<std::string> arguments{
        "skerry", "--lcores=0@(" + (cpus ? cpus->to_string() : std::string("0")) + ")", "--no-telemetry",
        "--file-prefix=" + (options.prefix.empty() ? "skerry-" + std::to_string(::getpid()) : options.prefix),
        has_pci ? allow_no_pci_device : "--no-pci"};
    if (memory.huge) {
        arguments.emplace_back("--in-memory");
    } else {  // which EAL does not take together with --in-memory; without huge pages this leaves no file either
        arguments.emplace_back("--no-shconf");
        arguments.emplace_back("--no-huge");
        arguments.emplace_back("-m");
        arguments.emplace_back(std::to_string(options.memory_mib));
    }
    arguments.insert(arguments.end(), options.eal.begin(), options.eal.end());
    return arguments;
}

// The error number, or 0.
int init(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int error = 0;
    try {
        std::thread([&] {
            const eal_log::Hush hush;
            if (rte_eal_init(static_cast<int>(argv.size()) - 1, argv.data()) < 0) error = rte_errno;
        }).join();
    } catch (const std::system_error& no_thread) {
        error = no_thread.code().value();
    }
    return error;
}

std::string next_step(int error, const Memory& memory) {
    if (error == EACCES || error == EPERM)
        return "; run it with the rights for huge pages and devices, or use hugepages=off";
    if (error == ENOMEM)
        return memory.huge ? "; free some huge pages, or use hugepages=off" : "; ask for less with memory=MIB";
    return {};
}

/// Ends a thread's registration with the thread.
struct Registration {
    bool active = false;
    ~Registration() {
        if (active) rte_thread_unregister();
    }
};

}  // namespace

Result<void, SetupError> start(const Options& options) {
    const bool has_pci =
        std::any_of(options.devices.begin(), options.devices.end(), [](const Device& device) { return device.is_pci; });
    State& eal = state();
    const std::lock_guard guard(eal.mutex);
    if (!eal.failure.empty()) return Unexpected(SetupError{eal.failure});
    if (eal.started) {
        if (has_pci && !eal.has_pci)
            return Unexpected(
                SetupError{"dpdk: the first runtime of this process had no PCI device, so DPDK looks for "
                           "none; give the first one a pci= device too"});
        return {};
    }
    auto memory = choose_memory(options);
    if (!memory) return Unexpected(std::move(memory).error());
    eal_log::capture();
    eal_log::forget();
    if (const int error = init(arguments_of(options, *memory, has_pci)); error != 0) {
        eal.failure = eal_log::explain("dpdk: EAL does not start") + next_step(error, *memory);
        return Unexpected(SetupError{eal.failure});
    }
    // EAL makes a folder for files that it then does without, and never removes it.
    ::rmdir(rte_eal_get_runtime_dir());
    eal.started = true;
    eal.has_pci = has_pci;
    eal.memory = std::move(memory->line);
    return {};
}

std::string memory_line() {
    State& eal = state();
    const std::lock_guard guard(eal.mutex);
    return eal.memory;
}

Result<void, SetupError> register_thread() {
    thread_local Registration registration;
    if (registration.active || rte_lcore_id() != LCORE_ID_ANY) return {};
    eal_log::forget();
    if (rte_thread_register() != 0)
        return Unexpected(SetupError{eal_log::explain("dpdk: a thread cannot be registered, DPDK knows at most " +
                                                      std::to_string(RTE_MAX_LCORE)) +
                                     "; use fewer cores"});
    registration.active = true;
    return {};
}

int node_of_thread() noexcept {
    const unsigned node = rte_socket_id();
    return node == static_cast<unsigned>(SOCKET_ID_ANY) || rte_socket_count() < 2 ? -1 : static_cast<int>(node);
}

}  // namespace skerry::dpdk::eal
