#include "xdp_program.hpp"

#include "capabilities.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/ethernet.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

namespace skerry::kernel_io::frame {

using backend::SetupError;

// --- the program

namespace {

enum Register : std::uint8_t { r0, r1, r2, r3, r4, r5 };

constexpr bpf_insn instruction(int code, Register to, Register from = r0, std::int16_t offset = 0,
                               std::int32_t immediate = 0) noexcept {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(to & 15U);
    made.src_reg = static_cast<std::uint8_t>(from & 15U);
    made.off = offset;
    made.imm = immediate;
    return made;
}
constexpr bpf_insn load(int size, Register to, Register from, std::int16_t offset) noexcept {
    return instruction(BPF_LDX | BPF_MEM | size, to, from, offset);
}
constexpr bpf_insn move(Register to, Register from) noexcept {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, from);
}
constexpr bpf_insn set(Register to, std::int32_t value) noexcept {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_K, to, r0, 0, value);
}
constexpr bpf_insn add(Register to, std::int32_t value) noexcept {
    return instruction(BPF_ALU64 | BPF_ADD | BPF_K, to, r0, 0, value);
}
constexpr bpf_insn keep_bits(Register of, std::int32_t mask) noexcept {
    return instruction(BPF_ALU | BPF_AND | BPF_K, of, r0, 0, mask);
}
constexpr bpf_insn skip_if_greater(Register a, Register b, std::int16_t skipped) noexcept {
    return instruction(BPF_JMP | BPF_JGT | BPF_X, a, b, skipped);
}
constexpr bpf_insn skip_if(Register a, std::int32_t value, std::int16_t skipped) noexcept {
    return instruction(BPF_JMP32 | BPF_JEQ | BPF_K, a, r0, skipped, value);
}
constexpr bpf_insn skip_unless(Register a, std::int32_t value, std::int16_t skipped) noexcept {
    return instruction(BPF_JMP32 | BPF_JNE | BPF_K, a, r0, skipped, value);
}

constexpr bpf_insn always_skip(std::int16_t skipped) noexcept { return instruction(BPF_JMP | BPF_JA, r0, r0, skipped); }

// Of an Ethernet frame without a tag.
constexpr std::int16_t type_at = 12;
constexpr std::int16_t tag_at = 14;  // behind the type that says that there is one
constexpr std::int16_t ipv4_destination_at = 30;
constexpr std::int16_t ipv4_end = 34;
constexpr std::int16_t arp_target_at = 38;
constexpr std::int16_t arp_end = 42;
constexpr std::int16_t ipv6_next_header_at = 20;
constexpr std::int16_t ipv6_destination_at = 38;
constexpr std::int16_t ipv6_end = 54;
constexpr std::int16_t icmpv6_type_at = ipv6_end;
constexpr std::int16_t solicited_target_at = 62;
constexpr std::int16_t solicitation_end = 78;
// Behind a hop-by-hop header of 8 bytes, which all queries have: RFC 3810 section 5.
constexpr std::int16_t options_next_header_at = ipv6_end;
constexpr std::int16_t options_length_at = 55;
constexpr std::int16_t query_type_at = 62;
constexpr std::int16_t query_begin_end = 63;

/// Places in the program that jumps name before they are reached.
enum class Place : std::uint8_t { untagged, arp, ipv4, ipv6, no_question, one_of_ours, next_address, take, pass };

/// Instructions in a row. All jumps go forward.
class Assembler {
public:
    void add(const bpf_insn& one) noexcept {
        SKERRY_ASSERT(count_ < program_.size(), "a program has its longest form in this room");
        program_[count_++] = one;
    }
    /// A jump to `place`, whose distance is filled in there.
    void jump(bpf_insn one, Place place) noexcept {
        one.off = unplaced - static_cast<std::int16_t>(place);
        add(one);
    }
    void place(Place here) noexcept {
        for (std::size_t i = 0; i < count_; ++i)
            if (program_[i].off == unplaced - static_cast<std::int16_t>(here))
                program_[i].off = static_cast<std::int16_t>(count_ - i - 1);
    }
    [[nodiscard]] std::span<const bpf_insn> program() const noexcept { return std::span(program_).first(count_); }

private:
    static constexpr std::int16_t unplaced = -100;  // offsets of loads are not below 0
    std::array<bpf_insn, 192> program_{};
    std::size_t count_ = 0;
};

/// Goes to `take` when the 16 bytes behind r0 are this address, and on to `other` if not.
void compare(Assembler& code, const stack::wire::Ipv6Addr& address, Place other) noexcept {
    const auto octets = address.octets();
    for (std::int16_t at = 0; at < 16; at = static_cast<std::int16_t>(at + 4)) {
        std::int32_t word = 0;
        std::memcpy(&word, &octets[static_cast<std::size_t>(at)], sizeof word);
        code.add(load(BPF_W, r5, r0, at));
        code.jump(skip_unless(r5, word, 0), other);
    }
    code.jump(always_skip(0), Place::take);
}

/// Ends the program unless the packet has so many bytes.
void need(Assembler& code, std::int32_t bytes) noexcept {
    code.add(move(r4, r2));
    code.add(add(r4, bytes));
    code.jump(skip_if_greater(r4, r3, 0), Place::pass);
}

// A tag of VLAN 0 says a priority, and no VLAN: IEEE 802.1Q clause 9.6. What is in a VLAN is not ours.
void look_behind_priority(Assembler& code) noexcept {
    code.jump(skip_unless(r5, htons(stack::wire::ether_type::vlan), 0), Place::untagged);
    code.add(load(BPF_H, r5, r2, tag_at));
    code.add(keep_bits(r5, htons(stack::wire::vid_mask)));
    code.jump(skip_unless(r5, 0, 0), Place::pass);
    code.add(add(r2, stack::wire::vlan_tag_bytes));
    need(code, ipv4_end);
    code.add(load(BPF_H, r5, r2, type_at));
    code.place(Place::untagged);
}

// A question of routers and switches about groups.
void add_query(Assembler& code) noexcept {
    code.place(Place::no_question);
    code.jump(skip_unless(r5, stack::wire::ip_protocol::hop_by_hop, 0), Place::pass);
    need(code, query_begin_end);
    code.add(load(BPF_B, r5, r2, options_next_header_at));
    code.jump(skip_unless(r5, stack::wire::ip_protocol::icmpv6, 0), Place::pass);
    code.add(load(BPF_B, r5, r2, options_length_at));
    code.jump(skip_unless(r5, 0, 0), Place::pass);
    code.add(load(BPF_B, r5, r2, query_type_at));
    code.jump(skip_if(r5, static_cast<std::int32_t>(stack::wire::Icmpv6Type::listener_query), 0), Place::take);
    code.jump(always_skip(0), Place::pass);
}

// What is sent to one of our addresses, and a question for one of them, which goes to a group that the kernel's
// addresses may share.
void add_ipv6(Assembler& code, const XdpAddresses& ours) noexcept {
    code.place(Place::ipv6);
    need(code, ipv6_end);
    code.add(move(r0, r2));
    code.add(add(r0, ipv6_destination_at));
    code.add(load(BPF_B, r5, r0, 0));
    code.jump(skip_unless(r5, 0xff, 0), Place::one_of_ours);
    code.add(load(BPF_B, r5, r2, ipv6_next_header_at));
    code.jump(skip_unless(r5, stack::wire::ip_protocol::icmpv6, 0),
              ours.hears_queries ? Place::no_question : Place::pass);
    need(code, solicitation_end);
    code.add(load(BPF_B, r5, r2, icmpv6_type_at));
    code.jump(skip_unless(r5, static_cast<std::int32_t>(stack::wire::Icmpv6Type::neighbour_solicitation), 0),
              Place::pass);
    code.add(add(r0, solicited_target_at - ipv6_destination_at));
    code.place(Place::one_of_ours);
    compare(code, ours.v6, Place::next_address);
    code.place(Place::next_address);
    for (const stack::OwnIpv6& own : ours.more_v6.all()) {
        compare(code, own.address, Place::next_address);
        code.place(Place::next_address);
    }
    compare(code, ours.link_local6, Place::pass);
    if (ours.hears_queries) add_query(code);
}

// What is sent to our addresses, and ARP about them. Ends where a packet is taken. Instructions that nothing reaches
// are refused by the kernel, so without IPv4 there are none of this.
void add_ipv4(Assembler& code, const XdpAddresses& ours) noexcept {
    const auto address = static_cast<std::int32_t>(htonl(ours.v4.bits));
    const auto take_more = [&] {
        for (const stack::OwnIpv4& own : ours.more_v4.all())
            code.jump(skip_if(r5, static_cast<std::int32_t>(htonl(own.address.bits)), 0), Place::take);
    };
    code.place(Place::arp);
    need(code, arp_end);
    code.add(load(BPF_W, r5, r2, arp_target_at));
    code.jump(skip_if(r5, address, 0), Place::take);
    take_more();
    code.jump(always_skip(0), Place::pass);
    code.place(Place::ipv4);
    code.add(load(BPF_W, r5, r2, ipv4_destination_at));
    take_more();
    code.jump(skip_unless(r5, address, 0), Place::pass);
}

// What is loaded from a packet has the network's order. bpf_redirect_map() answers with its third argument when the
// packet's queue has no socket in the table.
Assembler program_for(const XdpAddresses& ours, int sockets) noexcept {
    Assembler code;
    code.add(load(BPF_W, r2, r1, offsetof(xdp_md, data)));
    code.add(load(BPF_W, r3, r1, offsetof(xdp_md, data_end)));
    need(code, ipv4_end);
    code.add(load(BPF_H, r5, r2, type_at));
    look_behind_priority(code);
    if (ours.has_v4()) code.jump(skip_if(r5, htons(ETHERTYPE_IP), 0), Place::ipv4);
    if (ours.has_v4()) code.jump(skip_if(r5, htons(ETHERTYPE_ARP), 0), Place::arp);
    if (ours.has_v6()) code.jump(skip_if(r5, htons(ETHERTYPE_IPV6), 0), Place::ipv6);
    code.jump(always_skip(0), Place::pass);

    if (ours.has_v6()) add_ipv6(code, ours);
    if (ours.has_v4()) add_ipv4(code, ours);

    code.place(Place::take);
    code.add(load(BPF_W, r2, r1, offsetof(xdp_md, rx_queue_index)));
    code.add(instruction(BPF_LD | BPF_IMM | BPF_DW, r1, static_cast<Register>(BPF_PSEUDO_MAP_FD), 0, sockets));
    code.add(instruction(0, r0));  // the second half of the one before
    code.add(set(r3, XDP_PASS));
    code.add(instruction(BPF_JMP | BPF_CALL, r0, r0, 0, BPF_FUNC_redirect_map));
    code.add(instruction(BPF_JMP | BPF_EXIT, r0));
    code.place(Place::pass);
    code.add(set(r0, XDP_PASS));
    code.add(instruction(BPF_JMP | BPF_EXIT, r0));
    return code;
}

}  // namespace

// --- the kernel's calls

namespace {

/// Zeroed to its end: the kernel refuses what it does not know unless it is 0.
class Request {
public:
    Request() noexcept { std::memset(&attr_, 0, sizeof attr_); }
    bpf_attr* operator->() noexcept { return &attr_; }
    /// The answer; less than 0, and errno: it was refused.
    [[nodiscard]] int make(bpf_cmd command) noexcept {
        return static_cast<int>(::syscall(SYS_bpf, command, &attr_, sizeof attr_));
    }

private:
    bpf_attr attr_;
};

std::uint64_t pointer(const void* to) noexcept { return reinterpret_cast<std::uintptr_t>(to); }

OwnedFd make_table() noexcept {
    Request request;
    request->map_type = BPF_MAP_TYPE_XSKMAP;
    request->key_size = sizeof(std::uint32_t);
    request->value_size = sizeof(std::uint32_t);
    request->max_entries = 1;  // queue 0
    return OwnedFd(request.make(BPF_MAP_CREATE));
}

bool put(int table, int socket) noexcept {
    const std::uint32_t queue = 0;
    Request request;
    request->map_fd = static_cast<std::uint32_t>(table);
    request->key = pointer(&queue);
    request->value = pointer(&socket);
    return request.make(BPF_MAP_UPDATE_ELEM) == 0;
}

OwnedFd load_program(const XdpAddresses& ours, int sockets) noexcept {
    const Assembler code = program_for(ours, sockets);
    const std::span<const bpf_insn> program = code.program();
    Request request;
    request->prog_type = BPF_PROG_TYPE_XDP;
    request->expected_attach_type = BPF_XDP;
    request->insns = pointer(program.data());
    request->insn_cnt = static_cast<std::uint32_t>(program.size());
    request->license = pointer("Apache-2.0");
    std::memcpy(request->prog_name, "skerry", 7);
    return OwnedFd(request.make(BPF_PROG_LOAD));
}

OwnedFd link(int program, std::uint32_t device, std::uint32_t flags) noexcept {
    Request request;
    request->link_create.prog_fd = static_cast<std::uint32_t>(program);
    request->link_create.target_ifindex = device;
    request->link_create.attach_type = BPF_XDP;
    request->link_create.flags = flags;
    return OwnedFd(request.make(BPF_LINK_CREATE));
}

SetupError load_refused(const EthernetDevice& device) {
    const int error = errno;
    const std::string begin = device.name + ": ";
    if (error == ENOSYS || error == EINVAL)
        return {begin +
                "this kernel has no XDP programs for sockets; it needs Linux 5.9, CONFIG_BPF_SYSCALL and "
                "CONFIG_XDP_SOCKETS"};
    if (error != EPERM && error != EACCES)
        return {begin + "the kernel does not load the program: " + Error::from_os(error).message()};
    const std::string missing = missing_for_xdp();
    if (!missing.empty())
        return {begin + "not permitted to load a program; missing: " + missing +
                "; setcap on the program, or --cap-add for a container"};
    return {begin +
            "not permitted to load a program although the capabilities are there; bpf(2) wants them of the "
            "machine, not of a user namespace, and no seccomp filter before it"};
}

SetupError attach_refused(const EthernetDevice& device) {
    const int error = errno;
    if (error == EBUSY || error == EEXIST)
        return {device.name + ": another XDP program is attached; see ip link show " + device.name +
                ", end it or take it off with ip link set " + device.name + " xdp off"};
    return {device.name + ": the program cannot be attached: " + Error::from_os(error).message()};
}

}  // namespace

Result<XdpProgram, SetupError> XdpProgram::load(const EthernetDevice& device, const XdpAddresses& ours) {
    OwnedFd sockets = make_table();
    if (!sockets) return Unexpected(load_refused(device));
    OwnedFd program = load_program(ours, sockets.get());
    if (!program) return Unexpected(load_refused(device));
    return XdpProgram(std::move(sockets), std::move(program));
}

// Drivers refuse for reasons of their own: the other end of a virtual cable has too long packets, too few queues.
Result<XdpMode, SetupError> XdpProgram::attach(const EthernetDevice& device, int socket) {
    if (!put(sockets_.get(), socket)) return Unexpected(attach_refused(device));
    XdpMode mode = XdpMode::native;
    link_ = link(program_.get(), device.index, XDP_FLAGS_DRV_MODE);
    if (!link_ && errno != EBUSY && errno != EEXIST) {
        mode = XdpMode::generic;
        link_ = link(program_.get(), device.index, XDP_FLAGS_SKB_MODE);
    }
    if (!link_) return Unexpected(attach_refused(device));
    return mode;
}

}  // namespace skerry::kernel_io::frame
