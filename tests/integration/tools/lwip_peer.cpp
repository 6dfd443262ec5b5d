// lwIP on a TAP device, as Debian packages it: a TCP that is neither ours nor the kernel's, with small windows, without
// SACK and timestamps, with segments of 536 bytes and timers of half a second.
//
//   PRECONFIGURED_TAPIF=DEVICE lwip_peer ADDRESS serve PORT        echoes all connections, until it is killed
//   PRECONFIGURED_TAPIF=DEVICE lwip_peer ADDRESS ask PEER PORT N   sends N bytes, and the same must come back
//
// ADDRESS is IPv4 of a /24, or IPv6 of a /64. It says "ready" when its device is up.

extern "C" {  // which some of them forget
#include <lwip/api.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <netif/tapif.h>
}

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what, err_t error) {
    std::fprintf(stderr, "lwip_peer: %s: error %d of lwIP\n", what, error);
    std::exit(1);
}

void must(const char* what, err_t error) {
    if (error != ERR_OK) fail(what, error);
}

ip_addr_t address_of(const char* text) {
    ip_addr_t address;
    if (ipaddr_aton(text, &address) == 0) {
        std::fprintf(stderr, "lwip_peer: %s: not an address\n", text);
        std::exit(2);
    }
    return address;
}

std::uint16_t port_of(const char* text) { return static_cast<std::uint16_t>(std::atoi(text)); }

void bring_up(netif& device, const ip_addr_t& address) {
    std::promise<void> is_ready;
    tcpip_init([](void* ready) { static_cast<std::promise<void>*>(ready)->set_value(); }, &is_ready);
    is_ready.get_future().wait();
    LOCK_TCPIP_CORE();
    ip4_addr_t ipv4 = IP_IS_V6_VAL(address) ? ip4_addr_t{0} : *ip_2_ip4(&address);
    ip4_addr_t mask = {PP_HTONL(0xffffff00)};
    ip4_addr_t nobody = {0};
    if (netif_add(&device, &ipv4, &mask, &nobody, nullptr, tapif_init, tcpip_input) == nullptr)
        fail("the device", ERR_IF);
    // Debian's library writes past the end of its buffers with any longer frame (2.1.3+dfsg1-2).
    device.mtu = device.mtu6 = 576;
    device.flags |= NETIF_FLAG_MLD6;  // or nobody who looks for its IPv6 address is heard
    netif_set_default(&device);
    netif_set_link_up(&device);
    netif_set_up(&device);
    if (IP_IS_V6_VAL(address)) {
        netif_create_ip6_linklocal_address(&device, 1);
        netif_ip6_addr_set(&device, 1, ip_2_ip6(&address));
        netif_ip6_addr_set_state(&device, 1, IP6_ADDR_PREFERRED);
    }
    UNLOCK_TCPIP_CORE();
    std::puts("ready");
    std::fflush(stdout);
}

netconn_type type_of(const ip_addr_t& address) { return IP_IS_V6_VAL(address) ? NETCONN_TCP_IPV6 : NETCONN_TCP; }

void write_all(netconn* connection, const void* data, std::size_t size) {
    must("write", netconn_write(connection, data, size, NETCONN_COPY));
}

// What has come, until the peer's end; `use(data, size)` has it.
template <class Use>
std::size_t read_all(netconn* connection, Use use) {
    std::size_t count = 0;
    pbuf* received = nullptr;
    err_t error = ERR_OK;
    while ((error = netconn_recv_tcp_pbuf(connection, &received)) == ERR_OK) {
        for (const pbuf* part = received; part != nullptr; part = part->next) use(part->payload, part->len);
        count += received->tot_len;
        pbuf_free(received);
    }
    if (error != ERR_CLSD) fail("read", error);
    return count;
}

void echo(netconn* connection) {
    read_all(connection, [connection](const void* data, std::size_t size) { write_all(connection, data, size); });
    netconn_close(connection);
    netconn_delete(connection);
}

void serve(const ip_addr_t& own, std::uint16_t port) {
    netconn* const listener = netconn_new(type_of(own));
    must("bind", netconn_bind(listener, &own, port));
    must("listen", netconn_listen(listener));
    netconn* connection = nullptr;
    while (netconn_accept(listener, &connection) == ERR_OK) std::thread(echo, connection).detach();
}

int ask(const ip_addr_t& peer, std::uint16_t port, std::size_t count) {
    std::vector<char> sent(count);
    std::uint32_t state = 1;
    for (char& byte : sent) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    netconn* const connection = netconn_new(type_of(peer));
    must("connect", netconn_connect(connection, &peer, port));
    std::thread sender([&] {
        write_all(connection, sent.data(), sent.size());
        must("shutdown", netconn_shutdown(connection, 0, 1));
    });
    std::string came;
    read_all(connection,
             [&came](const void* data, std::size_t size) { came.append(static_cast<const char*>(data), size); });
    sender.join();
    netconn_delete(connection);
    const bool is_same = came.size() == count && std::memcmp(came.data(), sent.data(), count) == 0;
    std::printf("%zu of %zu bytes came back%s\n", came.size(), count, is_same ? "" : ", and not what was sent");
    return is_same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: lwip_peer ADDRESS serve PORT | ADDRESS ask PEER PORT BYTES\n");
        return 2;
    }
    static netif device;
    const ip_addr_t own = address_of(argv[1]);
    bring_up(device, own);
    if (std::string(argv[2]) == "serve") {
        serve(own, port_of(argv[3]));
        return 1;
    }
    const int result =
        ask(address_of(argv[3]), static_cast<std::uint16_t>(std::atoi(argv[4])), std::strtoull(argv[5], nullptr, 10));
    std::fflush(stdout);
    std::quick_exit(result);  // its threads read the device for ever
}
