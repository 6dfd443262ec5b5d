# Debian packages by purpose, and need_packages, which installs those that are missing. Sourced by the scripts.

packages_build=(g++ cmake ninja-build pkg-config git)
packages_apps=(libcli11-dev libtomlplusplus-dev zlib1g-dev nlohmann-json3-dev)
packages_dpdk=(libdpdk-dev)
packages_kernel_io=(liburing-dev)
packages_test=(ccache catch2 libbenchmark-dev clang-19 libclang-rt-19-dev llvm-19 clang-format-19
               libseccomp-dev liblwip-dev socat sockperf iproute2 ethtool iputils-ping tshark strace valgrind mmdebstrap
               nginx-light redis-server python3-scapy dnsmasq-base radvd)
# One test looks at the page that skerry-loadgen writes; it is skipped where there is no browser.
packages_browser=(chromium)
# scripts/test --full: three tests fetch their judges from npm; without it they are skipped.
packages_judges=(nodejs npm)
# bench/file_rates.py --install: what file_reads is compared with.
packages_bench=(fio)
# scripts/container: what the programs of an image need to run. First the libraries that they are linked with, then
# DPDK's drivers: for memory, for virtual functions of Intel's and emulated cards, and for devices without a card.
packages_image=(libstdc++6 libgcc-s1 libtomlplusplus3 zlib1g liburing2
                librte-eal23 librte-ethdev23 librte-mbuf23 librte-mempool23
                librte-mempool-ring23 librte-net-iavf23 librte-net-ixgbe23 librte-net-virtio23
                librte-net-af-packet23 librte-net-tap23 librte-net-null23)
# tests/lab: an emulator, and what makes a disk for it. QEMU itself comes with the lab, from Debian 13.
packages_lab=(mmdebstrap e2fsprogs busybox-static cpio kmod)

# need_packages NAME...: leaves what is there alone, so that it costs nothing and needs no rights on a ready machine.
need_packages() {
    local name missing=()
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null | grep -q '^installed' || missing+=("$name")
    done
    command -v python3 > /dev/null || missing+=(python3)
    [ ${#missing[@]} -eq 0 ] && return 0

    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2> /dev/null; then
            echo "missing packages, and no rights to install them; run: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo -n)
    fi
    echo "installing ${missing[*]}"
    # The package lists may be absent or out of date; they are renewed only if the first try fails for it.
    apt_install "${missing[@]}" || { "${as_root[@]}" apt-get -qq update && apt_install "${missing[@]}"; }
}

apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "$@" \
        < /dev/null > /dev/null
}
