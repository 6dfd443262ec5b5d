#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/dhcp.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <initializer_list>

namespace skerry::stack::wire {

namespace {

namespace option {
constexpr std::uint8_t pad = 0;
constexpr std::uint8_t mask = 1;
constexpr std::uint8_t routers = 3;
constexpr std::uint8_t name_servers = 6;
constexpr std::uint8_t mtu = 26;
constexpr std::uint8_t broadcast = 28;
constexpr std::uint8_t requested = 50;
constexpr std::uint8_t lease = 51;
constexpr std::uint8_t overload = 52;
constexpr std::uint8_t type = 53;
constexpr std::uint8_t server = 54;
constexpr std::uint8_t wanted = 55;
constexpr std::uint8_t longest = 57;
constexpr std::uint8_t renewal = 58;
constexpr std::uint8_t rebinding = 59;
constexpr std::uint8_t client = 61;
constexpr std::uint8_t routes = 121;
constexpr std::uint8_t end = 255;
}  // namespace option

constexpr std::uint8_t boot_request = 1;
constexpr std::uint8_t boot_reply = 2;
constexpr std::uint8_t hardware_ethernet = 1;
constexpr std::uint32_t cookie = 0x6382'5363U;
constexpr std::uint16_t broadcast_flag = 0x8000;
constexpr std::uint16_t mtu_least = 68;  // RFC 2132 section 5.1

// Where the fixed fields lie.
constexpr std::size_t hardware_at = 28;
constexpr std::size_t sname_at = 44;
constexpr std::size_t sname_bytes = 64;
constexpr std::size_t file_at = 108;
constexpr std::size_t file_bytes = 128;
constexpr std::size_t cookie_at = 236;

using Bytes = std::span<const std::byte>;

/// The fields of a message that hold options, and what they hold by code.
class OptionFields {
public:
    /// The longest option that is read: far more than so many routes need.
    static constexpr std::size_t option_bytes_max = 1024;

    /// Errors: dhcp_option_length, dhcp_option_size, dhcp_option_value.
    [[nodiscard]] Drop take(Bytes message) noexcept {
        fields_[0] = message.subspan(dhcp_fixed_bytes);
        count_ = 1;
        if (!holds(fields_[0])) return Drop::dhcp_option_length;
        const Bytes overload = find(option::overload);
        if (overload.empty()) return has_empty_ ? Drop::dhcp_option_size : Drop::none;
        if (overload.size() != 1) return Drop::dhcp_option_size;
        const std::uint8_t which = load_8(overload.data());
        if (which < 1 || which > 3) return Drop::dhcp_option_value;
        if ((which & 1U) != 0) fields_[count_++] = message.subspan(file_at, file_bytes);
        if ((which & 2U) != 0) fields_[count_++] = message.subspan(sname_at, sname_bytes);
        for (std::size_t i = 1; i < count_; ++i)
            if (!holds(fields_[i])) return Drop::dhcp_option_length;
        return Drop::none;
    }

    /// All parts of an option, joined; empty when there is none. Good until the next call. One that is longer than
    /// option_bytes_max is one byte too long.
    [[nodiscard]] Bytes find(std::uint8_t code) noexcept {
        std::size_t bytes = 0;
        has_empty_ = false;
        for (std::size_t i = 0; i < count_; ++i)
            each(fields_[i], [&](std::uint8_t found, Bytes value) {
                if (found != code) return;
                has_empty_ = has_empty_ || value.empty();
                const std::size_t room = std::min(value.size(), joined_.size() - bytes);
                if (room != 0) std::memcpy(joined_.data() + bytes, value.data(), room);
                bytes += room;
            });
        if (bytes != 0) has_empty_ = false;
        return Bytes(joined_).first(bytes);
    }
    /// Whether what find() looked for was there without a byte.
    [[nodiscard]] bool has_empty() const noexcept { return has_empty_; }

private:
    [[nodiscard]] static bool holds(Bytes field) noexcept {
        return each(field, [](std::uint8_t, Bytes) {});
    }

    /// Calls `with` for each option up to the end, which may be missing. False when one goes on past the field.
    template <class F>
    static bool each(Bytes field, F with) noexcept {
        while (!field.empty()) {
            const std::uint8_t code = load_8(field.data());
            if (code == option::end) return true;
            if (code == option::pad) {
                field = field.subspan(1);
                continue;
            }
            if (field.size() < 2) return false;
            const std::size_t bytes = load_8(field.data() + 1);
            if (bytes > field.size() - 2) return false;
            with(code, field.subspan(2, bytes));
            field = field.subspan(2 + bytes);
        }
        return true;
    }

    std::array<Bytes, 3> fields_;
    std::size_t count_ = 0;
    bool has_empty_ = false;
    std::array<std::byte, option_bytes_max + 1> joined_;
};

/// Reads the options one by one, until one is wrong.
class Reader {
public:
    explicit Reader(OptionFields& fields) noexcept : fields_(fields) {}

    [[nodiscard]] Drop why() const noexcept { return why_; }

    /// The value of an option of exactly so many bytes; empty when it is not there.
    [[nodiscard]] Bytes exactly(std::uint8_t code, std::size_t bytes) noexcept {
        const Bytes value = found(code);
        if (!value.empty() && value.size() != bytes) return refuse(Drop::dhcp_option_size);
        return value;
    }
    /// Of a list of addresses.
    [[nodiscard]] Bytes addresses(std::uint8_t code) noexcept {
        const Bytes value = found(code);
        const bool is_list = value.size() % 4 == 0 && value.size() <= OptionFields::option_bytes_max;
        return is_list ? value : refuse(Drop::dhcp_option_size);
    }
    /// Of one that is read elsewhere.
    [[nodiscard]] Bytes found(std::uint8_t code) noexcept {
        const Bytes value = fields_.find(code);
        return fields_.has_empty() ? refuse(Drop::dhcp_option_size) : value;
    }
    void number(std::uint8_t code, std::optional<std::uint32_t>& out) noexcept {
        if (const Bytes value = exactly(code, 4); !value.empty()) out = load_be32(value.data());
    }
    void address(std::uint8_t code, std::optional<Ipv4Addr>& out) noexcept {
        if (const Bytes value = exactly(code, 4); !value.empty()) out = load_ipv4(value.data());
    }
    Bytes refuse(Drop why) noexcept {
        if (why_ == Drop::none) why_ = why;
        return {};
    }

private:
    OptionFields& fields_;
    Drop why_ = Drop::none;
};

void read_mask(Reader& reader, DhcpReply& out) noexcept {
    const Bytes value = reader.exactly(option::mask, 4);
    if (value.empty()) return;
    const std::uint32_t mask = load_be32(value.data());
    const auto bits = static_cast<std::uint8_t>(std::countl_one(mask));
    if (mask != mask_of(bits)) return (void)reader.refuse(Drop::dhcp_option_value);
    out.prefix_bits = bits;
}

void read_mtu(Reader& reader, DhcpReply& out) noexcept {
    const Bytes value = reader.exactly(option::mtu, 2);
    if (value.empty()) return;
    out.mtu = load_be16(value.data());
    if (out.mtu < mtu_least) reader.refuse(Drop::dhcp_option_value);
}

void read_routers(Reader& reader, DhcpReply& out) noexcept {
    if (const Bytes value = reader.addresses(option::routers); !value.empty()) out.router = load_ipv4(value.data());
    const Bytes servers = reader.addresses(option::name_servers);
    const std::size_t kept = std::min(servers.size() / 4, out.name_servers.size());
    for (std::size_t i = 0; i < kept; ++i) out.name_servers[i] = load_ipv4(servers.data() + 4 * i);
}

// RFC 3442: of each network its bits, as many of its bytes as these need, and the router.
void read_routes(Reader& reader, DhcpReply& out) noexcept {
    Bytes rest = reader.found(option::routes);
    if (rest.size() > OptionFields::option_bytes_max) return (void)reader.refuse(Drop::dhcp_option_size);
    out.has_routes = !rest.empty();
    while (!rest.empty()) {
        Ipv4Route route;
        route.prefix_bits = load_8(rest.data());
        if (route.prefix_bits > 32) return (void)reader.refuse(Drop::dhcp_option_value);
        const std::size_t significant = (route.prefix_bits + 7U) / 8U;
        if (rest.size() < 1 + significant + 4) return (void)reader.refuse(Drop::dhcp_option_size);
        for (std::size_t i = 0; i < significant; ++i)
            route.network.bits |= std::uint32_t{load_8(rest.data() + 1 + i)} << (24 - 8 * i);
        route.network.bits &= mask_of(route.prefix_bits);
        route.router = load_ipv4(rest.data() + 1 + significant);
        if (!out.routes.add(route)) ++out.routes_left_out;
        rest = rest.subspan(1 + significant + 4);
    }
}

void read_type(Reader& reader, DhcpReply& out) noexcept {
    const Bytes value = reader.exactly(option::type, 1);
    if (value.empty()) return (void)reader.refuse(Drop::dhcp_type);
    out.type = static_cast<DhcpType>(load_8(value.data()));
    if (out.type != DhcpType::offer && out.type != DhcpType::ack && out.type != DhcpType::nak)
        reader.refuse(Drop::dhcp_type);
}

/// Puts options one behind the other.
class Writer {
public:
    explicit Writer(std::byte* at) noexcept : at_(at) {}

    void octets(std::uint8_t code, std::initializer_list<std::uint8_t> values) noexcept {
        begin(code, values.size());
        for (const std::uint8_t value : values) store_8(at_++, value);
    }
    void address(std::uint8_t code, Ipv4Addr value) noexcept {
        begin(code, 4);
        store_ipv4(at_, value);
        at_ += 4;
    }
    void identifier(const MacAddr& mac) noexcept {
        begin(option::client, 1 + mac_bytes);
        store_8(at_, hardware_ethernet);
        store_mac(at_ + 1, mac);
        at_ += 1 + mac_bytes;
    }
    void number(std::uint8_t code, std::uint16_t value) noexcept {
        begin(code, 2);
        store_be16(at_, value);
        at_ += 2;
    }
    void end() noexcept { store_8(at_++, option::end); }

private:
    void begin(std::uint8_t code, std::size_t bytes) noexcept {
        store_8(at_, code);
        store_8(at_ + 1, static_cast<std::uint8_t>(bytes));
        at_ += 2;
    }

    std::byte* at_;
};

}  // namespace

Drop parse(std::span<const std::byte> in, DhcpReply& out) noexcept {
    if (in.size() < dhcp_fixed_bytes) return Drop::dhcp_short;
    if (load_8(in.data()) != boot_reply) return Drop::dhcp_operation;
    if (load_8(in.data() + 1) != hardware_ethernet || load_8(in.data() + 2) != mac_bytes) return Drop::dhcp_hardware;
    if (load_be32(in.data() + cookie_at) != cookie) return Drop::dhcp_cookie;
    out = {};
    out.xid = load_be32(in.data() + 4);
    out.yours = load_ipv4(in.data() + 16);
    out.client = load_mac(in.data() + hardware_at);
    OptionFields fields;
    if (const Drop why = fields.take(in); why != Drop::none) return why;
    Reader reader(fields);
    read_type(reader, out);
    reader.address(option::server, out.server);
    read_mask(reader, out);
    reader.address(option::broadcast, out.broadcast);
    reader.number(option::lease, out.lease_s);
    reader.number(option::renewal, out.renewal_s);
    reader.number(option::rebinding, out.rebinding_s);
    read_mtu(reader, out);
    read_routers(reader, out);
    read_routes(reader, out);
    return reader.why();
}

bool is_dhcp_reply_to(std::span<const std::byte> in, const MacAddr& client) noexcept {
    return in.size() >= dhcp_fixed_bytes && load_8(in.data()) == boot_reply &&
           load_8(in.data() + 1) == hardware_ethernet && load_mac(in.data() + hardware_at) == client;
}

void write(const DhcpRequest& request, std::byte* out) noexcept {
    std::memset(out, 0, dhcp_request_bytes);
    store_8(out, boot_request);
    store_8(out + 1, hardware_ethernet);
    store_8(out + 2, mac_bytes);
    store_be32(out + 4, request.xid);
    store_be16(out + 8, request.secs);
    store_be16(out + 10, request.wants_broadcast ? broadcast_flag : 0);
    store_ipv4(out + 12, request.own);
    store_mac(out + hardware_at, request.client);
    store_be32(out + cookie_at, cookie);
    Writer writer(out + dhcp_fixed_bytes);
    writer.octets(option::type, {static_cast<std::uint8_t>(request.type)});
    writer.identifier(request.client);
    if (!request.requested.is_unspecified()) writer.address(option::requested, request.requested);
    if (!request.server.is_unspecified()) writer.address(option::server, request.server);
    if (request.type == DhcpType::discover || request.type == DhcpType::request) {
        writer.number(option::longest, request.longest);
        // Routes in front of routers: RFC 3442 wants it so, because a server may have no room for both.
        writer.octets(option::wanted, {option::mask, option::routes, option::routers, option::name_servers, option::mtu,
                                       option::broadcast, option::lease, option::renewal, option::rebinding});
    }
    writer.end();
}

}  // namespace skerry::stack::wire
